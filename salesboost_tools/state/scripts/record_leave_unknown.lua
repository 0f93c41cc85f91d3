-- Keep that a write may have happened. A record that was lost meanwhile is written again.
--
-- KEYS[1]   the record
-- ARGV      token, fingerprint, ms to keep it
-- returns   1 if kept, 0 if it is not this owner's or is done
local state, token = unpack(redis.call('HMGET', KEYS[1], 'state', 'token'))
if (token and token ~= ARGV[1]) or state == 'done' then
  return 0
end
redis.call('HSET', KEYS[1], 'fingerprint', ARGV[2], 'state', 'unknown', 'token', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
