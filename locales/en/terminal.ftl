# What timonelctl says in the terminal.

plan-good = Plan { $plan }: phases: { $phases }, targets: { $targets }, rules: { $rules }. It can be used.
rehearsal-title = Rehearsal on the simulator, nothing real is touched: { $title } (times in UTC)
rehearsal-signals = Signals when armed: how old the newest value is, and why:
rehearsal-signal = { $signal }: { $ages } ({ $nature })
rehearsal-manual = This is a rehearsal: do not paste them, they would reach the real systems.
lag = comes { $lag } late, read every { $interval }
lag-none = comes at once, read every { $interval }
progress = { $elapsed } · { $stage } · accepted { $accepted } · observed { $observed }
manual-first = before, in the same shell: { $line }
manual-command = { $target }, with { $program }
times-are-utc = The times that follow are UTC.

outcome-rolled-back = Rolled back. The rehearsal took { $elapsed }.
outcome-completed = Completed. The rehearsal took { $elapsed }.
outcome-frozen = Frozen, waits for a person or for the data. The rehearsal took { $elapsed }.
verified = verified
not-verified = NOT VERIFIED
summary-target = { $target }: requested { $requested } · accepted { $accepted } · observed { $observed } · { $verified }
summary-escalated = A person was called.
time-breach = began to fail  { $at }  { $since }
time-decided = decided        { $at }  { $since }
time-accepted = accepted       { $at }  { $since }
time-verified = verified       { $at }  { $since }
time-drained = drained        { $at }  { $since }

rollback-unseen = The targets read as asked, and traffic has not shown it yet: check with a call.

status-none = There are no rollouts in { $folder }.
status-rollout = { $rollout } ({ $environment }): { $stage }
status-target = { $target }: accepted { $accepted } · read { $read }
status-differing = ▲ The journal does not replay to what was recorded: the plan or the program is another. Believe the live weights.
status-pin = { $tenant } stays on stable
status-hold = held by { $hold }

doctor-simulator = The plan's environment is the simulator: there are no real targets to check. Choose another with --environment.
doctor-good = All is well.
doctor-bad = Something needs mending: see the lines with ✗.
doctor-reads = Targets and signals of the plan are looked at; those that count are read twice, { $wait } apart.
doctor-signal = newest value { $age } old ({ $nature }; late from { $late } on)
doctor-signal-begun = answers; its first value has not come yet ({ $nature })
doctor-signal-failed = no value: { $why } ({ $nature })
doctor-not-required = The plan does not require it: nothing is held up by it
doctor-not-yet = That is usual while the new system gets no calls
rollback-without = { $target } cannot be put back from here yet; the rest is put back now. As soon as its key is in the keychain or in the file of keys it is used, and nothing has to be said again. By hand, without it: timonelctl rollback --commands. Detail: { $said }
order-unwritten = what was done is done, but the journal does not have all of it yet: see whether the disk is full, and say `timonelctl status` again before you trust it
failure-no-key = there is no key for account { $account }: set the variable { $variable } (or { $instead }) and say it again. Nothing was touched. The commands for a rollback by hand need none: timonelctl rollback --commands
open-draft = { $rollout }: a draft in { $environment }, revision { $revision } of its plan. Nothing was connected and nothing moved.

chart-written = Drawn in { $file }.
chart-format = cannot tell in which format to draw { $file }: let it end in .svg or .png
chart-unknown-metric = the plan has no metric "{ $asked }". It has: { $known }; and timeline, the phases.
chart-no-samples = there are no samples of { $metric } in this rollout: it was not read, or its source did not answer
chart-no-samples-then = there are no samples of { $metric } between { $from } and { $to }: it was not read then, or its source did not answer

credential-prompt = Key of { $name } (not shown):{" "}
credential-kept = { $name } is kept in { $place }.
credential-shadowed = { $name } is in { $place } as well, and that one is used.
credential-deleted = { $name } is taken out of { $place }.
credential-none = No credential is stored.
credential-age = since { $at } ({ $days } d ago)
credential-no-age = no date
credential-state-in-force = in use
credential-state-spare = not used: another place goes before
credential-state-missing = no longer there: somebody took it away with the keychain's own program
credential-state-locked = locked
credential-state-absent = not there
credential-state-denied = no access
credential-state-silent = does not answer
credential-bad-name = that does not name a credential: write one without spaces, such as telnyx-produccion. If it was the key, renew it: it is in the history now
credential-locked = it is locked: unlock it and say it again. Detail: { $said }
credential-absent = there is no keychain: start gnome-keyring, KWallet or KeePassXC and say it again, or store it with --in file. Detail: { $said }
credential-denied = it does not let us in: mend the rights and say it again. Detail: { $said }
credential-silent = it did not answer in time: answer its window if there is one, and say it again. Detail: { $said }
credential-read-only = it comes from a variable of the process: change it where the program is started. Detail: { $said }
credential-size = not kept: it is empty or too long; store the key alone. Detail: { $said }
credential-damaged = what is stored cannot be read: move it away and store its credentials again. Detail: { $said }
credential-system = the system does not allow it: free space or rights, and say it again. Detail: { $said }
credential-unknown = there is no credential of that name. Detail: { $said }
credential-no-keychain = this program was built without a keychain: store it with --in file or in its variable. Detail: { $said }
credential-unused = no account of that environment uses it. Detail: { $said }
credential-account = the account cannot be asked. Detail: { $said }

place-environment = a variable of the process
place-session = the memory of this process
place-keychain = the keychain
place-file = { $path }

ui-host-open = Open it in a browser of this machine (whoever has this address can give orders): { $address }

judge-line = { $file }, line { $line }: { $why }. Nothing has been computed.
judge-form = column { $column }: cannot be understood ({ $why }). Write {"{"}"arm":"canary","failed":true,"weight":5.0{"}"}
judge-weight = weight is { $weight }: write the percentage of calls on the new version, 0 to 100
judge-latency = latency_ms is { $latency }: write milliseconds, 0 or more
judge-otherwise = the same call (id) stands in line { $earlier } already, with another outcome: leave one of them
judge-limit = --p0 { $limit } is no limit: write a share above 0 and below 0.98; 5 % is 0.05

power-title = What each phase can show with { $perDay } calls a day and { $base } of them failing today. A simulation with even traffic: reality will be somewhat worse.
power-observational = Here the version is not drawn for each call but by number, tenant or caller: the comparison is observational only, and ten times the evidence is asked of it.
power-phase = { $phase }: { $weight } for { $length }, about { $canary } calls on the new version
power-sight = { "  " }if { $rate } fail: seen after { $median } calls on the new one (≈ { $when }); 9 times in 10 after { $most } at most
power-sight-half = { "  " }if { $rate } fail: seen after { $median } calls on the new one (≈ { $when }), but not 9 times in 10 within the phase
power-sight-rare = { "  " }if { $rate } fail: mostly not seen in this phase (seen in { $share })
power-smallest = { "  " }seen with 80 % certainty from { $rate } failing; less may pass unseen
power-smallest-none = { "  " }not even a total failure is seen with certainty
power-alone = { "  " }the evidence against the stable version rolls back a healthy one in { $share } of the cases
power-alone-history = { "  " }the evidence against history rolls back a healthy version in { $share } of the cases
power-rule-literal = { "  " }{ $rule }, as written: rolls back a healthy version in { $healthy } of the cases; { $failing }
power-rule-gated = { "  " }{ $rule }, with evidence: rolls back a healthy version in { $healthy } of the cases; { $failing }
power-failing = one that always fails in { $share }, after { $when }
power-failing-rare = one that always fails in { $share } only
power-go = { "  " }to go on with less than { $limit } failing: { $clean } calls if none fails; with today's failures { $most }: { $length } (with 80 % certainty)
power-go-longer = { "  " }▲ to go on with less than { $limit } failing: { $clean } calls if none fails; with today's failures { $most }: the phase needs { $length } (with 80 % certainty)
power-go-far = { "  " }▲ to go on with less than { $limit } failing: { $clean } calls if none fails; with today's failures not even 20,000 show it
power-go-never = { "  " }▲ less than { $limit } failing is not shown by any number of calls
power-other-gate = { "  " }{ $metric } ({ $gate }): at least { $clean } units without a bad one
power-other-gate-never = { "  " }{ $metric } ({ $gate }): not shown by any number of units
power-looked-at = { "  " }the first { $units } calls of the phase were simulated
power-days = { $n } days
power-warn-nothing-to-compare = ▲ { $phase }: with all calls on the new version there is nothing to compare with; limits and history remain.
power-warn-blind = ▲ { $phase }: so few calls do not even show a total failure. Make it longer or raise its weight.
power-warn-blind-at-limit = ▲ { $phase }: { $rule } watches a limit that cannot be told apart here; from { $rate } on it is seen with certainty. Make the phase longer or raise its weight.
power-warn-go = ▲ { $phase }: too short for what its gate asks. Make it longer, raise its weight, or ask for less.
power-warn-false = ▲ { $phase }: { $rule }, as written, would roll back a healthy version in { $share } of the cases. Write evidence = "gated".
power-share = { "  " }{ $metric }, today { $today } (in what follows, “fail” is what is bad of this metric, today { $bad }):
power-unknown-share = no rollback rule and no gate of the plan looks at the share “{ $metric }”; there is: { $known }
power-unseen-today = Not simulated: { $rule }. What { $signal } gives today is not known; say it with --today METRIC=SHARE.
power-unseen-spread = Not simulated: { $rule }. It looks at a mean or a quantile of { $signal }, and how its values spread is not known.
power-unseen-occurrences = Not simulated: { $rule }. It counts occurrences of { $signal }, which are no share of anything.
power-unseen-level = Not simulated: { $rule }. { $signal } is a level, of which nothing can be proved; it acts as written.
power-unseen-side = Not simulated: { $rule }. It does not look at the calls of the new version.
power-unseen-backwards = Not simulated: { $rule }. It rolls back when { $signal } gets better.
power-refused = cannot be simulated: { $why }
