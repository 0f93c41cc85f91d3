-- Prolong a lease, if it is still its holder's.
--
-- KEYS[1]   the lease
-- ARGV      token, ms from now
-- returns   1 if prolonged, else 0
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
