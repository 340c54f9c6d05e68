-- finished -> finished, with another value, or nil: what the store turned out to have of finished episodes.
-- Keys: A finished:<podcast>, imported:<podcast>, removed:<podcast>
-- ARGV: podcast, time in ms if files that are gone were removed on purpose, else empty, then for each episode three
--   values: name, value that was read, value to record (empty: its file is gone)
-- Returns how many still had that value.
local podcast, removed_at = ARGV[1], ARGV[2]
local record = A .. 'finished:' .. podcast
local count = 0
for i = 3, #ARGV, 3 do
  local name, seen, value = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if redis.call('HGET', record, name) == seen then
    count = count + 1
    if value ~= '' then
      redis.call('HSET', record, name, value)
    else
      redis.call('HDEL', record, name)
      redis.call('HDEL', A .. 'imported:' .. podcast, name)
      if removed_at ~= '' then redis.call('HSET', A .. 'removed:' .. podcast, name, removed_at) end
    end
  end
end
return count
