-- Claim a write, or learn what became of it.
--
-- KEYS[1]   the record
-- ARGV      fingerprint, token, lease in us, ms to keep a record whose owner is never heard of again
-- returns   {'new'} {'mismatch'} {'done', value} {'running', us left} {'unknown'}
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local held = redis.call('HMGET', KEYS[1], 'fingerprint', 'state', 'token', 'lease_until_us', 'value')
local fingerprint, state, token, lease_until, value = unpack(held)
if fingerprint then
  if fingerprint ~= ARGV[1] then
    return {'mismatch'}
  end
  if state == 'done' then
    return {'done', value or ''}
  end
  if state ~= 'running' then
    return {'unknown'}
  end
  if token ~= ARGV[2] then -- the same token: a claim whose answer never arrived, made again
    local left = (tonumber(lease_until) or 0) - now
    if left > 0 then
      return {'running', left}
    end
    return {'unknown'}
  end
end
redis.call('HSET', KEYS[1], 'fingerprint', ARGV[1], 'state', 'running', 'token', ARGV[2],
  'lease_until_us', string.format('%.0f', now + ARGV[3]))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return {'new'}
