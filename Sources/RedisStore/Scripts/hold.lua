-- hold.lua: charges, holds or looks: checks of one key, where counters lie as in a cluster (holds.lua says how).
--
-- ARGV[1]  as charge.lua's; and kind + 32: the check holds: nothing is spent, but if no enforcing charge denies, each
--          charge that does not deny holds its cost
-- ARGV[2]  for each check that holds, in order: token (8), life in microseconds (4)
-- returns  as charge.lua; and in a charge's byte: + 8 (in the last of a check) too much is held under the key: nothing
--          was held; + 16 the state counts holds, of others or of checks that stand before in the call
--
-- What is held counts as if it were spent now, so that a confirmation always fits.

local waiting_holds, added = 0, {}
local text = read_cells({ 'holds' })[1]
if text then
  local live = {}
  local has_rest = visit_holds(text, function(_, ends, amount, name, entry)
    held[name] = (held[name] or 0) + amount
    waiting_holds = waiting_holds + 1
    live[waiting_holds] = entry
  end)
  if has_rest then
    text = table.concat(live)
    if waiting_holds == 0 then
      gone[1] = 'holds'
    else
      added[1] = ''
    end
  end
end

local count, offset, task = #ARGV - 2, 1, 1
local reply = { pack('>I7', now) }
-- Of the check in hand: its first charge, and whether it is denied; where it has several charges, what denied, what
-- stood there before, and how each counter is described without it.
local first, is_denied = 1, false
local denying, were, had_lived, described
-- What the check in hand holds: names and amounts in turn.
local wanted, wants = {}, 0

for index = 1, count do
  local kind, limit, burst, period, cost
  kind, limit, burst, period, cost, offset = unpack_bytes('>BI4I4I6I4', records, offset)
  local holds, is_last, only_looks, is_shadow = kind >= 32, false, false, false
  if holds then kind = kind - 32 end
  if kind >= 16 then kind, is_last = kind - 16, true end
  if kind >= 8 then kind, only_looks = kind - 8, true end
  if kind >= 4 then kind, is_shadow = kind - 4, true end
  local name = ARGV[2 + index]
  if kind == 3 then open_log(name) end

  local old, waiting = states[name], held[name]
  local denies, state, shown, spent, life_left
  local most = kind == 0 and burst or limit
  if not waiting then
    denies, state, spent, life_left = decide(kind, old, limit, most, period, cost, name)
    shown = state
  else
    denies, state, spent, life_left = decide(kind, old, limit, most, period, 0, name)
    denies, shown = decide(kind, spend(kind, state, limit, period, waiting, name), limit, most, period, cost, name)
    if cost > 0 and not denies then spent, life_left = spend(kind, state, limit, period, cost, name) end
  end

  local head, body = denies and 1 or 0, ''
  if waiting then head = head + 16 end
  if shown then head, body = head + (kind == 3 and 4 or 2), kind == 3 and shown.summary or shown end
  reply[2 * index], reply[2 * index + 1] = string.char(head), body

  if state ~= old then states[name], lives[name] = state, state and life_left or 0 end
  if not is_last or first < index then
    if not denying then denying, were, had_lived, described = {}, {}, {}, {} end
    denying[index], were[index], had_lived[index] = denies, state, lives[name]
    if first == index then described = {} end
    -- A counter that stands in the check before is described as it was then.
    if not described[name] then described[name] = { string.char(head - (denies and 1 or 0)), body } end
  end
  if spent and holds then
    held[name] = (waiting or 0) + cost
    wanted[wants + 1], wanted[wants + 2] = name, cost
    wants = wants + 2
  elseif spent then
    if not only_looks then states[name], lives[name] = spent, life_left end
  elseif life_left then
    lives[name] = lives[name] and lives[name] >= 0 and life_left or -life_left
  end

  if denies and not is_shadow then is_denied = true end
  if is_last then
    local is_full = holds and not is_denied and waiting_holds + wants / 2 > HOLDS
    if is_denied or is_full then
      for place = 1, wants, 2 do
        local left = held[wanted[place]] - wanted[place + 1]
        held[wanted[place]] = left > 0 and left or nil
      end
      wants = 0
    end
    if is_full then
      reply[2 * index] = string.char(string.byte(reply[2 * index]) + 8)
    elseif is_denied and first < index then
      -- Take back what the check has spent, and describe what did not deny without it.
      for charge = index, first, -1 do
        local its_name = ARGV[2 + charge]
        states[its_name] = were[charge]
        if not denying[charge] then lives[its_name] = had_lived[charge] end
      end
      for charge = first, index do
        if not denying[charge] then
          local before = described[ARGV[2 + charge]]
          reply[2 * charge], reply[2 * charge + 1] = before[1], before[2]
        end
      end
    end
    if holds then
      local token, life_of_hold = unpack_bytes('>c8I4', ARGV[2], task)
      task = task + 12
      if wants > 0 then
        life_of_hold = min(life_of_hold, LONGEST_HOLD)
        for place = 1, wants, 2 do
          added[#added + 1] = pack(HOLD, token, now + life_of_hold, wanted[place + 1], #wanted[place], wanted[place])
        end
        waiting_holds = waiting_holds + wants / 2
        hash_life = max(hash_life, life(life_of_hold))
      end
    end
    first, is_denied, wants = index + 1, false, 0
  end
end

if #added > 0 then
  gone = {}
  set_field('holds', (text or '') .. table.concat(added))
end
finish()
return table.concat(reply)
