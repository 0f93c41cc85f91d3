-- Forget a write of which nothing happened.
--
-- KEYS[1]   the record
-- ARGV      token
-- returns   1 if forgotten, 0 if it is not this owner's or is done
local state, token = unpack(redis.call('HMGET', KEYS[1], 'state', 'token'))
if token == ARGV[1] and state ~= 'done' then
  return redis.call('DEL', KEYS[1])
end
return 0
