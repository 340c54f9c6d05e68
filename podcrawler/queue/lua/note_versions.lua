-- none: notes which file a page offers of each episode, and which of its versions that is (PODCRAWLER_VERSIONS=keep).
-- Keys: Q leases; A finished:<podcast>, versions:<podcast>
-- ARGV: now, '1' to change nothing, podcast, then for each episode four values: name, digest of the address of its file,
--   media type, length; '-' for what is not known
-- Returns for each of them the version that is to be fetched: 1, also if there is nothing to fetch; more if it replaces
--   one that is archived.
local now, is_dry, podcast = clock(ARGV[1]), ARGV[2] == '1', ARGV[3]
local notes, record = A .. 'versions:' .. podcast, A .. 'finished:' .. podcast
local DAY = 24 * 3600 * 1000
-- As in ids.py.
local MOST = 1000

local function read(note)
  if not note then return nil end
  local number, file, type, length, other = string.match(note, '^(%d+) (%S+) (%S+) (%S+) (%S+)$')
  number = tonumber(number)
  if not number or number < 1 or number > MOST then return nil end
  return {number = number, file = file, type = type, length = length, other = other}
end

-- The version of a finished episode's file.
local function recorded_version(value)
  return tonumber(string.match(value, '^%d+ %S* (%d+)$')) or 1
end

local function differ(one, two)
  return one ~= '-' and two ~= '-' and one ~= two
end

-- Whether a file has another length for good: seen again a day later, and no third one in between. Where adverts are
-- put into the file at each request, its length varies: then it says nothing any more.
local function has_other_length(note, length)
  if note.other == 'varies' or length == '-' then return false end
  local seen, since = string.match(note.other, '^(%d+)@(%d+)$')
  if differ(note.length, length) and not seen then
    note.other = string.format('%s@%.0f', length, now)
  elseif seen == length then
    return now - tonumber(since) >= DAY
  elseif seen then
    note.other = 'varies'
  end
  return false
end

local function note_offer(name, file, type, length)
  local before = redis.call('HGET', notes, name)
  local note = read(before)
  local recorded = redis.call('HGET', record, name)
  local archived = recorded and recorded_version(recorded)
  local to_fetch = 1
  if not note then
    note = {number = math.min(archived or 1, MOST), file = file, type = type, length = length, other = '-'}
  elseif not archived or archived < note.number then
    to_fetch = note.number
    -- The lease on it fetches what was offered before.
    if not redis.call('ZSCORE', Q .. 'leases', podcast .. '/' .. name) then
      note.file, note.type, note.length = file, type, length
    end
  elseif note.file ~= file or differ(note.type, type) or has_other_length(note, length) then
    local is_dropped = string.find(recorded, '^%d+ dropped')
    if not is_dropped and archived < MOST then
      to_fetch = archived + 1
      note.number, note.file, note.type, note.length = to_fetch, file, type, length
      if note.other ~= 'varies' then note.other = '-' end
    end
  else
    if note.type == '-' then note.type = type end
    if note.length == '-' then note.length = length end
  end
  local after = string.format('%d %s %s %s %s', note.number, note.file, note.type, note.length, note.other)
  if after ~= before and not is_dry then redis.call('HSET', notes, name, after) end
  return to_fetch
end

local to_fetch = {}
for i = 4, #ARGV, 4 do
  to_fetch[#to_fetch + 1] = note_offer(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3])
end
return to_fetch
