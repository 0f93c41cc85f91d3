-- Give a lease back, if it is still its holder's.
--
-- KEYS[1]   the lease
-- ARGV      token
-- returns   1 if given back, else 0
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
