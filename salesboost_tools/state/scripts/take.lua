-- Take tokens from every bucket or from none. Token bucket in its GCRA form (ITU-T I.371), in whole microseconds.
--
-- KEYS      one bucket each, distinct
-- ARGV      per bucket: what the tokens cost in us, how long an empty bucket takes to fill up in us
-- returns   0 if taken, else the us to wait until the same call would pass
--
-- Numbers stay below 2^53, so a double holds them exactly; '%.0f' because tostring() rounds to 14 digits.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local wait, due = 0, {}
for i, key in ipairs(KEYS) do
  local cost, tolerance = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local start = now
  local stored = redis.call('GET', key)
  if stored then
    start = tonumber(stored)
    if not start or start ~= start then
      return redis.error_reply('WRONGTYPE not a time under the key of a bucket')
    end
    if start < now then
      start = now
    elseif start > now + tolerance then
      start = now + tolerance -- the server's clock went back, or the limit was made smaller: empty, never worse
    end
  end
  due[i] = math.ceil(start) + cost
  wait = math.max(wait, due[i] - tolerance - now)
end
if wait > 0 then
  return wait
end
for i, key in ipairs(KEYS) do
  -- A bucket that is full again is one never seen. It is kept a second longer than that: the server counts a time to
  -- live from when it received the command, and may have been held up since.
  local keep_ms = math.ceil((due[i] - now) / 1000) + 1000
  redis.call('SET', key, string.format('%.0f', due[i]), 'PX', string.format('%.0f', keep_ms))
end
return 0
