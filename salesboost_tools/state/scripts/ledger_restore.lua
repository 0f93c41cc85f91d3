-- Add sums that were known before everything was lost, once per epoch.
--
-- KEYS      epoch, sums, whether it was done (all in one slot)
-- ARGV      the epoch meant, ms to keep all this, then per row: row, amounts parted by spaces
-- returns   1 if added, 0 if it was done before or the epoch is another
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
if redis.call('GET', KEYS[3]) == ARGV[1] then
  return 0
end
redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
for i = 3, #ARGV, 2 do
  local sums, amounts = {}, {}
  local before = redis.call('HGET', KEYS[2], ARGV[i])
  if before then
    for amount in string.gmatch(before, '%S+') do sums[#sums + 1] = tonumber(amount) end
  end
  for amount in string.gmatch(ARGV[i + 1], '%S+') do
    amounts[#amounts + 1] = string.format('%.17g', tonumber(amount) + (sums[#amounts + 1] or 0))
  end
  redis.call('HSET', KEYS[2], ARGV[i], table.concat(amounts, ' '))
end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return 1
