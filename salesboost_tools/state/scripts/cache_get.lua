-- Read a stored result and how long it will still be kept, in one trip.
--
-- KEYS[1]   the entry
-- returns   nil, or {value, ms left}
local value = redis.call('GET', KEYS[1])
if not value then
  return false
end
return {value, redis.call('PTTL', KEYS[1])}
