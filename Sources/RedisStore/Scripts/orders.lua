-- orders.lua: keeps the orders of a domain (a grant or a block of one key until a time) and tells which keys were reset,
-- so that all weirs obey and forget. All keys are of one domain, and share one slot of a cluster; the counter of a reset
-- has another one, and is not touched here.
--
-- KEYS     1 the version, "<epoch>:<number>"
--          2 the orders: a hash, member to <when it ends (7, big-endian)><record>
--          3 the changes: a sorted set, member by the version's number at its last change
--          4 the ends: a sorted set of the same members by when they may go
-- ARGV     1 set, end or reset; 2 the member: o or r (order, reset) and the name of a counter in the domain
--          3 how many orders there may be
--          (a reset's goes on with a colon and the key's bytes, so that all know which it was)
--          for set: 4 when it ends; 5 the caller's clock; 6 the record, which only the caller understands
-- returns  {1 done; 0 there was no such order; -1 no room; -2 it would end at once;
--          the version's number then: who has read up to it knows of this}
--
-- A member that changed and has no entry among the orders tells of an order that was ended, or of a reset. These stay
-- long enough for all weirs to read them. The epoch is another one whenever the orders begin anew, so that whoever knows
-- an old version begins anew too. All instants are microseconds since the Unix epoch on this server's clock; an end that
-- comes from a clock more than a second away is moved, so that the order lasts as long as it was meant to. All keys
-- expire when the last order in them ends.

local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local call, pcall = redis.call, redis.pcall
local version, orders, changes, ends = unpack(KEYS)
local task, member, room = ARGV[1], ARGV[2], tonumber(ARGV[3])
-- How long it is told that an order was ended, or a key reset: Bounds.orderNews.
local NEWS = 60000000
-- Members that one step of the sweep removes.
local STEP = 1000

-- What is there, if it is all ours and whole; what other programs or an eviction have left of it goes.
local text, kept = pcall('GET', version), pcall('HLEN', orders)
local known, ending = pcall('ZCARD', changes), pcall('ZCARD', ends)
local epoch, number
for _, reply in pairs({ text, kept, known, ending }) do
  if type(reply) == 'table' then
    if not string.find(reply.err, 'WRONGTYPE', 1, true) then return reply end
    text = false
  end
end
if text then epoch, number = string.match(text, '^(%d+):(%d+)$') end
number = tonumber(number)
local is_whole = number and number < 2 ^ 52 and known > 0 and known == ending and kept <= known
if is_whole then
  repeat
    local ended = call('ZRANGE', ends, '-inf', now, 'BYSCORE', 'LIMIT', 0, STEP)
    if #ended > 0 then
      kept = kept - call('HDEL', orders, unpack(ended))
      call('ZREM', changes, unpack(ended))
      known = known - call('ZREM', ends, unpack(ended))
    end
  until #ended < STEP
else
  epoch, number, kept, known = string.format('%.0f', now), 0, 0, 0
end

local goes_at = now + NEWS
if task == 'set' then
  goes_at = tonumber(ARGV[4])
  local skew = now - tonumber(ARGV[5])
  if math.abs(skew) > 1000000 then goes_at = goes_at + skew end
  if goes_at <= now then return { -2, number } end
end
if task == 'end' then
  if kept == 0 or call('HEXISTS', orders, member) == 0 then return { 0, number } end
elseif known >= 2 * room and not call('ZSCORE', changes, member) then
  return { -1, number }
elseif task == 'set' and kept >= room and call('HEXISTS', orders, member) == 0 then
  return { -1, number }
end

if not is_whole then call('DEL', version, orders, changes, ends) end
number = math.max(number + 1, now)
-- First what a full Redis refuses, so that nothing is done then.
if task == 'set' then call('HSET', orders, member, struct.pack('>I7', goes_at) .. ARGV[6]) end
call('ZADD', changes, number, member)
call('ZADD', ends, goes_at, member)
if task == 'end' then call('HDEL', orders, member) end

local last = call('ZRANGE', ends, -1, -1, 'WITHSCORES')[2]
local life = math.ceil((last - now) / 1000)
call('SET', version, string.format('%s:%.0f', epoch, number), 'PX', life)
for _, key in pairs({ orders, changes, ends }) do call('PEXPIRE', key, life) end
return { 1, number }
