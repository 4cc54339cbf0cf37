-- What wrk sends and counts.  Arguments after `--`: a file of requests, where to begin in it, "look" to look at each answer.
-- A line of the file is a path, or a path, a tab and an entity tag that goes out as If-None-Match.

local requests, at, threads = {}, 0, {}
refused, not_html = 0, 0

function setup(thread) table.insert(threads, thread) end

function init(args)
  for line in io.lines(args[1]) do
    local path, tag = line:match("^([^\t]+)\t?(.*)$")
    wrk.headers["If-None-Match"] = tag ~= "" and tag or nil
    table.insert(requests, wrk.format("GET", path))
  end
  at = tonumber(args[2])
  if args[3] == "look" then
    response = function(status, headers, body)
      if status ~= 200 then refused = refused + 1 end
      if not (headers["content-type"] or ""):find("text/html", 1, true) then not_html = not_html + 1 end
    end
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local wrong, e = 0, summary.errors
  for _, thread in ipairs(threads) do wrong = wrong + thread:get("refused") + thread:get("not_html") end
  print(string.format(
    'RESULT {"micros": %d, "requests": %d, "bytes": %d, "socket_errors": %d, "status_errors": %d, "wrong": %d, '
      .. '"p50": %d, "p99": %d, "max": %d}',
    summary.duration, summary.requests, summary.bytes, e.connect + e.read + e.write + e.timeout, e.status, wrong,
    latency:percentile(50), latency:percentile(99), latency.max))
end
