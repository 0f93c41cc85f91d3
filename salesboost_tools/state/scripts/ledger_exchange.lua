-- Add a worker's batch to the sums, once, and say what has happened since a place.
--
-- KEYS      epoch, sums, batches, the worker's last number (all in one slot)
-- ARGV      epoch known or '', an epoch to begin if there is none, place or '', ms to keep all this, batches kept,
--           worker, number (0: no batch), what it tells, then per row: row, amounts parted by spaces
-- returns   {epoch, place, complete, accepted, {worker, number, text, ...}, {row, amounts, ...}}
local epoch_key, sums_key, batches_key, seen_key = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local keep_ms = ARGV[4]
local epoch = redis.call('GET', epoch_key)
if not epoch then
  epoch = ARGV[2]
  redis.call('DEL', sums_key, batches_key, seen_key) -- whatever is left belongs to an epoch that is gone
  redis.call('SET', epoch_key, epoch)
end
local known = ARGV[1] == epoch

local function place()
  local last = redis.call('XREVRANGE', batches_key, '+', '-', 'COUNT', 1)
  return last[1] and tonumber(string.match(last[1][1], '^%d+')) or 0
end

local accepted = 1
local number = tonumber(ARGV[7])
if number > 0 and (known or ARGV[1] == '') then
  local seen = tonumber(redis.call('GET', seen_key) or '0')
  if number == seen + 1 then
    local rows = {}
    for i = 9, #ARGV, 2 do
      local row, amounts = ARGV[i], {}
      local before = redis.call('HGET', sums_key, row)
      local sums = {}
      if before then
        for amount in string.gmatch(before, '%S+') do sums[#sums + 1] = tonumber(amount) end
      end
      for amount in string.gmatch(ARGV[i + 1], '%S+') do
        amounts[#amounts + 1] = string.format('%.17g', tonumber(amount) + (sums[#amounts + 1] or 0))
      end
      redis.call('HSET', sums_key, row, table.concat(amounts, ' '))
      rows[#rows + 1] = row
    end
    redis.call('XADD', batches_key, 'MAXLEN', ARGV[5], string.format('%.0f-0', place() + 1),
      'worker', ARGV[6], 'number', ARGV[7], 'told', ARGV[8], 'rows', table.concat(rows, '\n'))
    redis.call('SET', seen_key, ARGV[7], 'PX', keep_ms)
  elseif number > seen then
    accepted = 0
  end
end
for i = 1, 3 do redis.call('PEXPIRE', KEYS[i], keep_ms) end

local now_at = place()
local complete, told, changed = 0, {}, {}
if known and ARGV[3] ~= '' and tonumber(ARGV[3]) <= now_at then
  local batches = redis.call('XRANGE', batches_key, string.format('%.0f-0', tonumber(ARGV[3]) + 1), '+')
  if #batches == now_at - tonumber(ARGV[3]) then -- numbers have no gaps, so none of them is forgotten
    complete = 1
    local rows = {}
    for _, batch in ipairs(batches) do
      local fields = batch[2]
      told[#told + 1], told[#told + 2], told[#told + 3] = fields[2], fields[4], fields[6]
      for row in string.gmatch(fields[8], '[^\n]+') do rows[row] = true end
    end
    for row in pairs(rows) do
      changed[#changed + 1] = row
      changed[#changed + 1] = redis.call('HGET', sums_key, row) or ''
    end
  end
end
if complete == 0 then
  changed = redis.call('HGETALL', sums_key)
end
return {epoch, now_at, complete, accepted, told, changed}
