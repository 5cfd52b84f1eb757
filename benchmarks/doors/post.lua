-- Sends one body to each path in turn. Arguments: the body's file, then the paths.
local requests, at = {}, 0

function init(arguments)
   local file = assert(io.open(arguments[1], "rb"))
   local body = file:read("*a")
   file:close()
   local headers = { ["Content-Type"] = "application/json" }
   for place = 2, #arguments do
      requests[#requests + 1] = wrk.format("POST", arguments[place], headers, body)
   end
end

function request()
   at = at % #requests + 1
   return requests[at]
end

-- One line of JSON; times in microseconds.
function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      '{"answered":%d,"took_us":%d,"p50_us":%d,"p99_us":%d,"refused":%d,"broken":%d}\n',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
      errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
