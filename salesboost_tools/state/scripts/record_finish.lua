-- Keep the outcome of a write. A record that was lost meanwhile is written again.
--
-- KEYS[1]   the record
-- ARGV      token, fingerprint, value, ms to keep it
-- returns   1 if this owner's outcome stands, 0 if somebody else's claim or outcome does
local state, token = unpack(redis.call('HMGET', KEYS[1], 'state', 'token'))
if token and token ~= ARGV[1] then
  return 0
end
if state ~= 'done' then
  redis.call('HSET', KEYS[1], 'fingerprint', ARGV[2], 'state', 'done', 'token', ARGV[1], 'value', ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
return 1
