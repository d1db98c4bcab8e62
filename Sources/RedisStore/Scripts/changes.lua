-- changes.lua: what changed in the orders of a domain, in pages. Writes nothing. orders.lua says what the keys hold.
--
-- KEYS     1 the version; 2 the orders; 3 the changes
-- ARGV     1 the epoch that the caller knows, empty for none; 2 the number up to which it knows all changes; 3 how many
--          members a page holds; 4 after how many bytes it ends
-- returns  {now in microseconds; the epoch, empty where there are no orders; the number up to which the page goes;
--          1: it begins anew, forget all that was known; 1: there is more;
--          then in the order of their changes: member, <when it ends (7)><record>, …}
--          In place of the latter: an empty string where there is no such order any more, the number of the change
--          where the member is a reset, so that who hears of it twice knows.

local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local version, orders, changes = unpack(KEYS)
-- More than this is no record of a weir, and would make a reply that is not believed.
local LONGEST = 65536
local most_members, most_bytes = tonumber(ARGV[3]), tonumber(ARGV[4])

-- What another program has left under a key is no order; any other error is the caller's to know.
local function is_foreign(reply) return string.find(reply.err, 'WRONGTYPE', 1, true) end

local text = redis.pcall('GET', version)
if type(text) == 'table' and not is_foreign(text) then return text end
local epoch, number
if type(text) == 'string' then epoch, number = string.match(text, '^(%d+):(%d+)$') end
number = tonumber(number)
if not number or number >= 2 ^ 52 then return { now, '', 0, 1, 0 } end

local after = tonumber(ARGV[2])
local is_anew = epoch ~= ARGV[1] or after > number
if is_anew then after = 0 end
local members = redis.pcall(
  'ZRANGE', changes, string.format('(%.0f', after), '+inf', 'BYSCORE', 'LIMIT', 0, most_members, 'WITHSCORES')
if members.err then
  if is_foreign(members) then return { now, '', 0, 1, 0 } end
  return members
end

local page = { now, epoch, number, is_anew and 1 or 0, 0 }
local bytes = 0
for index = 1, #members, 2 do
  local value = redis.pcall('HGET', orders, members[index])
  if type(value) == 'table' and not is_foreign(value) then return value end
  if type(value) ~= 'string' or #value < 7 or #value > LONGEST or struct.unpack('>I7', value) <= now then value = '' end
  if string.sub(members[index], 1, 1) == 'r' then value = string.format('%.0f', tonumber(members[index + 1])) end
  page[#page + 1] = members[index]
  page[#page + 1] = value
  bytes = bytes + #members[index] + #value
  if index + 1 == 2 * most_members or (bytes >= most_bytes and index + 1 < #members) then
    page[3], page[5] = tonumber(members[index + 1]), 1
    break
  end
end
return page
