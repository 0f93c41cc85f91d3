-- Say how many tokens a bucket would give now; takes none. The bucket is kept by take.lua.
--
-- KEYS      the bucket
-- ARGV      how long a token takes to come back in us, how long an empty bucket takes to fill up in us
-- returns   how many tokens
local stored = redis.call('GET', KEYS[1])
local interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
local due = 0
if stored then
  due = tonumber(stored)
  if not due or due ~= due then
    return redis.error_reply('WRONGTYPE not a time under the key of a bucket')
  end
end
local time = redis.call('TIME')
local owed = math.max(0, due - (time[1] * 1000000 + time[2]))
return math.floor(math.max(0, tolerance - owed) / interval)
