-- announce.lua: says that a weir lives, or that it stops, and counts those that live.
--
-- KEYS     one a domain: a sorted set of the weirs that serve it, by the milliseconds of their last sign of life
-- ARGV     who we are; for how many milliseconds a sign of life counts; 1 for a clean stop, else 0
-- returns  how many weirs live, one number a key
--
-- Every key expires with the last sign of life in it. A sign from the future is from a clock that has stepped back:
-- where it is further ahead than a sign counts, it is dropped, so that a weir which died before the step is soon
-- forgotten.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local id, lasting, stops = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
local counts = {}

for index = 1, #KEYS do
  local key = KEYS[index]
  -- What some other program has left there must not keep all weirs from Redis.
  local kept = redis.pcall('ZREMRANGEBYSCORE', key, '-inf', now - lasting)
  if type(kept) == 'table' then redis.call('DEL', key) end
  if stops then
    redis.call('ZREM', key, id)
  else
    redis.call('ZADD', key, now, id)
    redis.call('PEXPIRE', key, lasting)
  end
  redis.call('ZREMRANGEBYSCORE', key, now + lasting, '+inf')
  counts[index] = redis.call('ZCARD', key)
end

return counts
