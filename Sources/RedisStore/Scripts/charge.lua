-- charge.lua: decides checks and charges what they are allowed. Redis runs a script to its end, so all of a call is
-- atomic, and every check in it is all or nothing: it consumes from all its counters or from none.
--
-- KEYS[i]  the counter of the i-th charge, of all checks in order; a counter may stand there several times
-- ARGV[1]  packed, big-endian; for each check: flags (1 byte; 1: only look), how many charges follow (2 bytes); for each
--          charge: algorithm (1 byte: 0 token-bucket, 1 fixed-window, 2 sliding-window, 3 sliding-log), flags (1 byte;
--          1: shadow), limit (4), burst (4), period in microseconds (6), cost (4; 0 looks)
-- returns  one string: the time (8 bytes, microseconds since the Unix epoch); for each check 1 byte (1: every enforcing
--          charge allows it); for each of its charges the state before the check, so that the caller, who has the same
--          arithmetic, can say the numbers: 1 byte: 0 none; 1 a cell, then its 23 bytes; 2 a log, then the sum in
--          force (8), the newest instant (8), the instant at which one more unit is free (8), and the one at which the
--          cost would fit (8; 0 where it fits or never will)
--
-- A cell: amount (4 bytes), second (6), instant (7), period (6); instants in microseconds since the Unix epoch.
--   token-bucket    amount and second: debt in units and in 1/period units; instant: when that was true
--   fixed-window    amount: count; instant: start of the window
--   sliding-window  amount: count; second: count of the window before; instant: start of the window
-- A log is a list, oldest first: "instant:sum of all costs so far, this one included:cost".
--
-- Time is the server's own, so that callers with bad clocks agree. A state ahead of it (the clock has stepped back) is
-- believed for one period, at least 10 s, and then moved to now. Whole numbers throughout: a Lua number is exact below
-- 2^53, periods are below 2^45 and limits below 2^30, so products that may be larger are divided digit by digit.
--
-- Every key gets an expiry with its write: when its state has stopped saying anything, and 10 s more for a reload that
-- makes it say something for longer; at most 100 years.

local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]

local call, unpackBytes, pack, fmod, floor = redis.call, struct.unpack, struct.pack, math.fmod, math.floor
local args, keys = ARGV[1], KEYS
local exact = 9007199254740992
local none = '\0'

-- The state of each counter, by the place where its key stands first.
local place, raw, before = {}, {}, {}
local amounts, seconds, instants, periods, lives = {}, {}, {}, {}, {}
local first = {}
do
  local distinct, at = {}, {}
  for i = 1, #keys do
    local key = keys[i]
    local seen = first[key]
    if seen then
      place[i] = seen
    else
      first[key], place[i] = i, i
      distinct[#distinct + 1], at[#at + 1] = key, i
    end
  end
  -- Lua's stack holds some 8000 values.
  for start = 1, #distinct, 4000 do
    local values = call('MGET', unpack(distinct, start, math.min(start + 3999, #distinct)))
    for i = 1, #values do
      local value = values[i]
      if value and #value == 23 then raw[at[start + i - 1]] = value end
    end
  end
end

-- floor(a * b / c) and the rest; a < c < 2^45, b < 2^49: in digits of 7 bits, the highest first.
local function divide(a, b, c)
  local product = a * b
  if product < exact then
    local rest = fmod(product, c)
    return (product - rest) / c, rest
  end
  local quotient, rest = 0, 0
  local digit = 4398046511104
  while digit >= 1 do
    local part = floor(b / digit)
    b = b - part * digit
    local sum = rest * 128 + a * part
    rest = fmod(sum, c)
    quotient = quotient * 128 + (sum - rest) / c
    digit = digit / 128
  end
  return quotient, rest
end

local function divideUp(a, b, c)
  local quotient, rest = divide(a, b, c)
  if rest > 0 then return quotient + 1 end
  return quotient
end

local function believed(period)
  if period > 10000000 then return period end
  return 10000000
end

-- Each of these three takes a counter's place and the numbers in force, and returns the state in force now (amount,
-- second, instant), what counts against the capacity, and whether the state must be kept even if nothing is spent.

local function bucket(s, limit, period)
  local amount, second, instant = amounts[s], seconds[s], instants[s]
  if amount == 0 and second == 0 then return 0, 0, now, 0, false end
  local moved = false
  if instant - now > believed(period) then instant, moved = now, true end
  local old = periods[s]
  if old ~= period then
    moved = true
    if second > 0 then
      second = divideUp(second, period, old)
      if second >= period then amount, second = amount + 1, 0 end
    end
  end
  if moved then amounts[s], seconds[s], instants[s], periods[s] = amount, second, instant, period end
  if now > instant then
    local elapsed = now - instant
    local rest = fmod(elapsed, period)
    local units = (elapsed - rest) / period * limit
    if units > amount then return 0, 0, now, 0, moved end
    local more, parts = divide(rest, limit, period)
    amount, second = amount - units - more, second - parts
    if second < 0 then amount, second = amount - 1, second + period end
    if amount < 0 then return 0, 0, now, 0, moved end
    instant = now
  end
  if second > 0 then return amount, second, instant, amount + 1, moved end
  return amount, second, instant, amount, moved
end

-- The instant at which a window is judged: now, or its own start where that is ahead and believed.
local function judged(instant, period)
  if instant > now and instant - now <= believed(period) then return instant end
  return now
end

local function fixed(s, period)
  local amount, instant, old = amounts[s], instants[s], periods[s]
  if amount == 0 then return 0, 0, now - fmod(now, period), 0, false end
  local at = judged(instant, period)
  if at >= instant then
    if at - instant >= old then return 0, 0, at - fmod(at, period), 0, false end
    if old == period then return amount, 0, instant, amount, false end
  end
  instant = at - fmod(at, period)
  instants[s], periods[s] = instant, period
  return amount, 0, instant, amount, true
end

local function sliding(s, period)
  local amount, second, instant, old = amounts[s], seconds[s], instants[s], periods[s]
  if amount == 0 and second == 0 then return 0, 0, now - fmod(now, period), 0, false end
  local moved = false
  local at = judged(instant, period)
  if at < instant then
    instant, moved = at - fmod(at, old), true
  elseif at - instant >= old then
    local start = at - fmod(at, old)
    second = start - instant == old and amount or 0
    amount, instant = 0, start
  end
  local counted = amount
  if second > 0 then counted = divideUp(old - (at - instant), second, old) + amount end
  if old ~= period then
    amount, second, instant, moved = counted, 0, at - fmod(at, period), true
  end
  if moved then amounts[s], seconds[s], instants[s], periods[s] = amount, second, instant, period end
  return amount, second, instant, counted, moved
end

-- How long a state says something, in milliseconds from now, for an expiry. Slightly more than the truth.
local function lifetime(microseconds)
  local life = floor(microseconds / 1000) + 10001
  if life > 3155760000000 then return 3155760000000 end
  return life
end

-- Logs. A call may hold several checks of one log, so an admission is written at once: it cannot fail for want of
-- memory unless the first write of the call has.

local function entry(key, index)
  local text = call('LINDEX', key, index)
  if not text then return nil end
  local instant, sum, cost = string.match(text, '^(%d+):(%d+):(%d+)$')
  return tonumber(instant), tonumber(sum), tonumber(cost)
end

-- The first entry from `low` on, below `high`, for which `holds`: rank, then the entry.
local function search(key, low, high, holds)
  while low < high do
    local middle = floor((low + high) / 2)
    local instant, sum = entry(key, middle)
    if holds(instant, sum) then high = middle else low = middle + 1 end
  end
  return low, entry(key, low)
end

-- Decides one charge of a log. Returns whether it is allowed, its part of the reply, and what `admit` needs.
local function askLog(key, limit, period, cost)
  local newest, total, last = entry(key, -1)
  if not newest then return cost <= limit, none, {at = now, used = 0} end
  local count = call('LLEN', key)
  local horizon = (newest > now and newest or now) - period
  local used, rank, oldest, base = 0, count, 0, total
  if newest > horizon then
    local instant, sum, first = entry(key, 0)
    rank = 0
    if instant <= horizon then
      rank, instant, sum, first = search(key, 1, count - 1, function(instant) return instant > horizon end)
    end
    oldest, base = instant, sum - first
    used = total - base
  end
  if newest - now > believed(period) then
    -- The clock has stepped back: what was in force becomes one entry, now.
    call('DEL', key)
    newest, total, last, rank, count = now, used, used, 0, 1
    oldest, base = now, 0
    if used == 0 then return cost <= limit, none, {at = now, used = 0} end
    call('RPUSH', key, string.format('%.0f:%.0f:%.0f', now, used, used))
    call('PEXPIRE', key, lifetime(period))
  end
  local at = newest > now and newest or now

  local function free(units)
    if used == 0 then return at end
    local instant, sum = entry(key, rank)
    if sum - base >= units then return instant end
    local _, found = search(key, rank + 1, count - 1, function(_, sum) return sum - base >= units end)
    return found
  end
  local allowed = cost <= 0 or cost <= limit - used
  local fits = 0
  if not allowed and cost <= limit then fits = free(used - (limit - cost)) end
  local nextFree = used < limit and (used > 0 and oldest or at) or free(used - limit + 1)
  local reply = pack('>BI8I8I8I8', 2, used, newest, nextFree, fits)
  return allowed, reply, {at = at, used = used, newest = newest, total = total, last = last, rank = rank}
end

local function admit(key, cost, period, log)
  if log.used == 0 then
    if log.newest then call('DEL', key) end
    call('RPUSH', key, string.format('%.0f:%.0f:%.0f', log.at, cost, cost))
  elseif log.newest == log.at then
    call('LSET', key, -1, string.format('%.0f:%.0f:%.0f', log.at, log.total + cost, log.last + cost))
  else
    call('RPUSH', key, string.format('%.0f:%.0f:%.0f', log.at, log.total + cost, cost))
  end
  if log.used > 0 and log.rank > 0 then call('LTRIM', key, log.rank, -1) end
  call('PEXPIRE', key, lifetime(log.at + period - now))
end

local replies = {pack('>I8', now)}
local out = 1
local position, index, total = 1, 0, #args
local kinds, newAmounts, newSeconds, newInstants, newPeriods, newLives, spends, logs =
  {}, {}, {}, {}, {}, {}, {}, {}

while position <= total do
  local checkFlags, count
  checkFlags, count, position = unpackBytes('>BI2', args, position)
  local verdict = out + 1
  out = verdict
  local allowed = true

  for i = 1, count do
    index = index + 1
    local algorithm, flags, limit, burst, period, cost
    algorithm, flags, limit, burst, period, cost, position = unpackBytes('>BBI4I4I6I4', args, position)
    local s = place[index]
    local passes
    out = out + 1
    if algorithm == 3 then
      passes, replies[out], logs[i] = askLog(keys[s], limit, period, cost)
      spends[i], newPeriods[i] = passes and cost or 0, period
    else
      local state = raw[s]
      if state then
        replies[out] = '\1' .. state
        if not amounts[s] then amounts[s], seconds[s], instants[s], periods[s] = unpackBytes('>I4I6I7I6', state) end
      else
        replies[out] = none
        amounts[s], seconds[s], instants[s], periods[s] = 0, 0, now, period
      end
      local amount, second, instant, counted, moved, life, capacity
      if algorithm == 0 then
        amount, second, instant, counted, moved = bucket(s, limit, period)
        capacity = burst
        passes = cost <= burst - counted or cost == 0
        life = ((amount + cost) * period + second) / limit + (instant - now)
      elseif algorithm == 1 then
        amount, second, instant, counted, moved = fixed(s, period)
        capacity = limit
        passes = cost <= limit - counted or cost == 0
        life = instant + period - now
      else
        amount, second, instant, counted, moved = sliding(s, period)
        capacity = limit
        passes = cost <= limit - counted or cost == 0
        life = instant + 2 * period - now
      end
      if moved then
        raw[s] = pack('>I4I6I7I6', amounts[s], seconds[s], instants[s], period)
        lives[s] = lifetime(life)
      end
      logs[i] = false
      spends[i] = passes and cost or 0
      newAmounts[i], newSeconds[i], newInstants[i], newPeriods[i], newLives[i] =
        amount + cost, second, instant, period, life
    end
    if not passes and flags == 0 then allowed = false end
  end

  replies[verdict] = allowed and '\1' or '\0'
  if allowed and checkFlags == 0 then
    for i = 1, count do
      local cost = spends[i]
      if cost > 0 then
        local s = place[index - count + i]
        if logs[i] then
          admit(keys[s], cost, newPeriods[i], logs[i])
        else
          amounts[s], seconds[s], instants[s], periods[s] =
            newAmounts[i], newSeconds[i], newInstants[i], newPeriods[i]
          raw[s] = pack('>I4I6I7I6', newAmounts[i], newSeconds[i], newInstants[i], newPeriods[i])
          lives[s] = lifetime(newLives[i])
        end
      end
    end
  end
end

for s, life in pairs(lives) do
  call('SET', keys[s], raw[s], 'PX', string.format('%.0f', life))
end
return table.concat(replies)
