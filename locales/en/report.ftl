# What charts and reports say.

side-stable = stable
side-canary = new
side-whole = common

metric-error-rate = Errors
metric-failed-calls = Failed calls
metric-response-time = Response time
metric-data-query-time = Time of data queries
metric-abandonment = Abandonment
metric-speech-recognition = Speech recognition
metric-call-duration = Length of calls
metric-concurrent-calls = Calls in progress
metric-calls = New calls
metric-menu-option-share = Menu option
metric-breaker-opens = Circuit breaker opened
metric-unhandled-exceptions = Unhandled exceptions
metric-uptime = Uptime
metric-cpu = CPU
metric-memory = Memory
metric-network = Network
metric-network-latency = Network latency
metric-active-sessions = Active sessions
metric-audio-quality = Audio quality (MOS)
metric-external-errors = Errors of external services

statistic-mean = mean
statistic-p50 = median
statistic-p95 = 95th percentile
statistic-p99 = 99th percentile
statistic-total = total

limit-rollback = rolls back { $limit } · { $lasting }
limit-freeze = alerts and freezes { $limit } · { $lasting }
limit-alert = alerts { $limit } · { $lasting }
limit-at-once = at once

chart-subtitle = { $rollout } ({ $environment }) · { $date } · { $zone } · each point sums up { $window }
chart-subtitle-now = { $rollout } ({ $environment }) · { $date } · { $zone }
chart-at-zero = new at 0 %: only what was still in progress
chart-no-data = { $side }: no data
chart-band = band: what the rate of the whole phase may be, with 95 % confidence
chart-description = { $side }: last value { $last }, highest { $most }.

timeline-title = Phases
timeline-subtitle = { $rollout } ({ $environment }) · { $date } · { $zone }
timeline-description = Weight accepted at the end: { $weight }.
timeline-planned = planned
timeline-actual = actual
timeline-weight = weight of the new one
timeline-accepted = accepted
timeline-asked = asked for
timeline-newest = latest data { $at }

happened-rule = rule { $what }
happened-worse = the new one does worse: { $what }
happened-common = fails on both: { $what }
happened-unrouted = no calls reach the new one
happened-skewed = calls do not follow the weight
happened-signals-lost = data lost
happened-mended = database mended
happened-gap = nobody watched
happened-incident = critical error
happened-security = security breach
happened-resumed = taken up after an interruption
happened-drilled = rollback drilled
happened-silent = { $what } does not answer
happened-shift-failed = shift failed at { $what }
happened-unverified = { $what } not confirmed
happened-drift = somebody else moved { $what }
happened-rolled-back = rolls back to 0 %: { $what }
happened-reduced = reduces: { $what }
happened-verified = seen in traffic
happened-completed = completed
