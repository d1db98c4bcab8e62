-- announce.lua: a sign of life of one weir, and how many weirs live.
--
-- KEYS[i]  the live weirs of the i-th domain: a sorted set of names by the time of their last sign, in milliseconds
-- ARGV     the name of this weir; how long a sign counts, in milliseconds; '1' where this is the last word of a weir
--          that stops
-- returns  how many live in each domain, in order
--
-- Every key expires once all signs in it are old.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local life = tonumber(ARGV[2])
local counts = {}
for i = 1, #KEYS do
  if ARGV[3] == '1' then
    redis.call('ZREM', KEYS[i], ARGV[1])
  else
    redis.call('ZADD', KEYS[i], string.format('%.0f', now), ARGV[1])
    redis.call('PEXPIRE', KEYS[i], life)
  end
  -- Signs from the future come from before a clock stepped back: they say nothing of now.
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', string.format('(%.0f', now - life))
  redis.call('ZREMRANGEBYSCORE', KEYS[i], string.format('(%.0f', now + life), '+inf')
  counts[i] = redis.call('ZCARD', KEYS[i])
end
return counts
