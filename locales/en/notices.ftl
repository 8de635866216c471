# What is said alike in the window, the terminal, the desktop's popups and the charts: what happened, why, what holds and
# what is missing. The program gives the codes (wire::told); here are only the sentences.

raising = raises { $target } to { $to }
lowering = lowers { $target } to { $to }
releasing = lets go of the lever of { $target }; it stays at 0 %
rejected = not done: { $reason }
manual-due = { $target } does not confirm. Any of these commands lowers it by hand:
somebody = somebody
frozen = frozen
acknowledged = { $person } acknowledged an alert. { $comment }

side-stable = stable
side-canary = new
side-whole = shared
signal-of-side = { $signal } ({ $side })

metric-error-rate = Errors
metric-failed-calls = Failed calls
metric-response-time = Response
metric-data-query-time = Data query
metric-abandonment = Abandonment
metric-speech-recognition = Recognition
metric-call-duration = Duration
metric-concurrent-calls = Concurrent
metric-calls = Calls
metric-menu-option-share = Menu option
metric-breaker-opens = Breaker opens
metric-unhandled-exceptions = Exceptions
metric-uptime = Uptime
metric-cpu = CPU
metric-memory = Memory
metric-network = Network
metric-network-latency = Network latency
metric-active-sessions = Sessions
metric-audio-quality = Audio quality
metric-external-errors = External errors
metric-ivr-up = IVR answers
metric-telnyx-balance = Telnyx balance

statistic-mean = mean
statistic-share = share
statistic-total = total
statistic-latest = latest
statistic-p50 = p50
statistic-p75 = p75
statistic-p90 = p90
statistic-p95 = p95
statistic-p99 = p99
metric-of = { $metric } ({ $statistic })

rule-lasting = { $metric } { $comparison } { $limit } for { $lasting }
rule-at-once = { $metric } { $comparison } { $limit }

stage-draft = not armed
stage-armed = armed
stage-shifting = moving to { $phase }
stage-baking = { $phase }, serving its time
stage-deciding = { $phase }, deciding
stage-awaiting-approval = { $phase }, waits for approval
stage-rolling-back = rolling back
stage-rolled-back = rolled back, latched until a person resets it
stage-completed = completed
stage-closed = closed

cause-person = { $person } asked for it
cause-rule = the rule “{ $rule }” asked for it
cause-evidence = the new system is worse than the old one in { $metric }
cause-critical-error = critical error in data or integrity
cause-security = security incident
cause-resumed = it was under way at the start
cause-drill = drill by { $person }

notice-rule-firing = Limit passed: { $rule }.
notice-rule-wants-rollback = Limit passed: { $rule }. The rule asks to roll back and cannot do it by itself: decide.
notice-rule-lacks-proof = Limit passed: { $rule }. The rule asks to roll back, but it is not proved yet that the new system is at fault: decide.
notice-rule-resolved = No longer so: { $rule }.
notice-worse = The new system does worse than the old one in { $metric }: { $canary } against { $stable }. Not going on.
notice-worse-rollback = The new system is worse than the old one in { $metric }: { $canary } against { $stable }.
notice-worse-than-before = The new system does worse in { $metric } than the old one used to: { $canary }. Not going on.
notice-worse-than-before-rollback = The new system is worse in { $metric } than the old one used to be: { $canary }.
notice-common = What both systems share is failing: { $rule }. Rolling back does not cure it; it can still be done.
notice-unrouted = No call reaches the new system although its weight is set. Check the routing.
notice-journal-broken = The journal is not what was written: { $detail }. Nothing advances. Keep a copy before anything else; putting back still works.
notice-skewed = Calls are not divided as the weight says: it is { $weight } and the new system gets { $canary }. That is not chance; nothing advances. Check the routing.
units-bad-of = { $bad } of { $total }
notice-signals-lost = No data of { $signals }. Nothing advances until they are back.
notice-signals-back = The data are back.
notice-gap = Nobody watched since { $from }.
notice-mended = The database was damaged. It was set aside with nothing removed, and another was made of what could be proved: { $entries } entries of the journal{ $missing ->
    [0] .
   *[other] ; at least { $missing } are missing.
} The last ones may be missing without a trace, and readings and outcomes begin anew: look at the live weights before going on.
notice-mended-armed = { $mended } What is left says that it is still a draft, and calls may be on the new side all the same: it is taken as armed, so that it can be rolled back. Nothing is raised.
notice-gap-for = Nobody watched for up to { $for }, since { $from }. Look how things stand before going on.
notice-critical-error = Critical error in data or integrity.
notice-security = Security incident.
notice-phase-entered = Phase { $phase }: running and verified.
notice-awaiting-approval = Phase { $phase } waits for approval to go on.
notice-target-silent = { $target } does not answer: it could not be rolled back right now. Have the commands at hand.
notice-target-unread = { $target } cannot be read ({ $why }): it could not be rolled back right now. Have the commands at hand.
notice-target-answers = { $target } answers again.
notice-shift-failed = { $target } could not be moved ({ $why }). What was moved is put back; a person decides.
notice-lower-failed = { $target } did not go down at the first attempt ({ $why }). It is tried again and again.
notice-reaches = { $target } was asked for { $asked } and can do { $weight }.
notice-reaches-members = { $target } was asked for { $asked } and can do { $weight }: { $canary } of { $all } numbers.
notice-levered = { $target }: the lever is pulled and reads back: new calls go to stable. The numbers are brought back now.
notice-not-cleaned-up = { $target }: the lever sends new calls to stable, but the numbers do not all come back. A person is needed.
notice-pinned = { $tenant }'s calls stay on stable. The rollout goes on.
notice-unpinned = { $tenant } takes part again from the next raise on.
notice-drilled = Rollback drill done: { $secs } s from the order to the last check.
notice-rollback-started = Rolling back to { $to }: { $cause }.
notice-drill-started = Drill of the rollback, carried out at 0 %, asked for by { $person }.
notice-not-read-back = { $target } has not confirmed in time. A person is needed.
notice-contrary = { $target } says that it is down, and { $units } new calls still reach the new system. A person is needed.
notice-rollback-verified = All targets verified: new calls go to stable.
notice-drained = No call is left in progress on the new system.
notice-drift-below = { $by } lowered { $target } to { $live }. That is respected and the rollout frozen: roll back the others too?
notice-drift-above = { $by } raised { $target } to { $live }. It is put back.
notice-drift-persists = Somebody keeps raising { $target }. A person is needed.
notice-completed = Completed: all calls go to the new system.
notice-store-low = Little room is left for the store: { $left } on the disk of { $folder }, and it takes { $size }. Free space in the next days: nothing is ever cut from the journal, and nothing is raised on a full disk.
notice-store-critical = There is almost no room left for the store: { $left } on the disk of { $folder }. Free space now. On a full disk nothing is raised; rolling back stays possible.

store-size = store: { $size }
store-size-left = store: { $size }; { $left } left on its disk
store-parts = journal { $journal }, readings { $readings }, outcomes { $outcomes }, the rest { $others }; unused { $unused }
size-mib = { $n } MiB
size-gib = { $n } GiB

why-target-unreachable = there is no connection; the change may or may not have happened
why-target-deadline = it did not answer in time; the change may or may not have happened
why-target-unauthenticated = it does not accept our credentials: give a valid key or kubeconfig and start again with it
why-target-no-key = its key “{ $said }” is missing: store it in Connections and it is used without a restart
why-target-key-locked = the keychain with its key “{ $said }” is locked: unlock it now, and it is used without a restart.
why-target-forbidden = the key lacks this right. Answer: "{ $said }"
why-target-missing = it is not there: compare the ids of the plan with its own. Answer: "{ $said }"
why-target-refused = it refused the change, and repeating it is of no use. Answer: "{ $said }"
why-target-partly = only a part was done. Answer: "{ $said }"
why-target-unavailable = it is there and cannot do it now. Answer: "{ $said }"
why-target-garbled = it answered something else than expected; perhaps there is a proxy in between. Answer: "{ $said }"
why-target-shape = as it is, it cannot hold that weight. Reason: "{ $said }"
why-target-conflict = somebody else changed it at the same moment
why-target-throttled = it asks us to slow down
why-target-marked = it bears the mark of a rollback: reset the latch before raising
why-target-read-back-differs = it accepted the change and reads otherwise
why-store-fault = the journal cannot be written, and without it nothing is raised
why-raise-overtaken = meanwhile something changed that forbids it

hold-operator = a person, who froze it
hold-alert = an alert, until a person has seen to it
hold-drift = a weight that somebody lowered on { $target }, until a person decides
hold-shift = a change that failed on { $target }, until a person decides
hold-gap = a while that nobody watched; clears by itself
hold-helm-lost = another engine has the helm; clears by itself
hold-no-evidence = missing data; clears by itself

blocker-no-helm = take back the helm, which another engine has
blocker-latched = reset the latch
blocker-held = release what is held by { $hold }
blocker-drift = decide about the weight that somebody changed at { $target }
blocker-silent = an answer of { $target }
blocker-freeze-window = the end of the freeze: { $reason }
blocker-not-assessed = the first assessment
blocker-signals-lost = the data to come back
blocker-firing = “{ $rule }” to hold no longer
blocker-gate = the condition { $gate }
blocker-bake-time = the least time of the phase
blocker-approvals = the approval
blocker-checklist = the list “{ $checklist }” to be signed

rejection-stage = it is not possible in the present stage
rejection-checks = these checks do not pass: { $checks }
rejection-latched = a rollback's latch stands; a person has to reset it with a reason
rejection-unknown = this plan has nothing of that name
rejection-cannot-pin = no target of this plan can keep one tenant on stable: reduce the weight, or put everything back
rejection-no-reason = write a reason
rejection-same-person = a second person is needed
rejection-not-lower = a reduction has to be below the present weight
rejection-stable-kept = the stable system is kept until { $until }, and until then every call can still be put back: close the rollout after that
rejection-stable-gone = the stable system was kept until { $until } and may be gone; to roll back all the same, repeat with --confirmed

deed-arm = { $person } asked to arm
deed-start = { $person } started it
deed-sign = { $person } signed the list “{ $checklist }”
deed-approve = { $person } approved going on
deed-override = { $person } asked to go on against what the conditions say: { $reason }
deed-freeze = { $person } froze it: { $reason }
deed-release = { $person } released what was held by { $hold }: { $reason }
deed-pin = { $person } kept { $tenant } on stable: { $reason }
deed-unpin = { $person } let { $tenant } take part again: { $reason }
deed-drill = { $person } asked for a drill of the rollback
deed-reset = { $person } reset the latch: { $reason }
deed-close = { $person } closed the rollout

error-lost = watching has ended by itself, and nobody watches now. It is being tried again without you. To put calls back meanwhile: timonelctl rollback --commands
error-open-busy = something is being opened already: wait until it is done
error-open-moving = { $rollout } is moving calls or putting them back: wait until that is over before you open it anew. It is still being watched
error-open-under-way = { $rollout } is under way ({ $stage }), and without this window nobody would watch it. { $closable ->
    [0] Put it back or bring it to its end, and close it; then something else can be opened
   *[other] Close it; then something else can be opened
 }
error-open-plan-changed = { $rollout } is under way with another text of this plan: open it, finish it and close it before the new one begins
error-open-plan-relative = write the whole path of the plan, such as /home/ana/plans/ivr.toml or ~/plans/ivr.toml (“{ $path }” is none)
error-open-plan-unreadable = the plan { $path } cannot be read ({ $why }): check the path and its permissions
error-open-plan-unsound = the plan { $path } has { $errors ->
    [one] 1 error
   *[other] { $errors } errors
 }: read it in Connections › Environments or with timonelctl plan check, and correct it
error-open-plan-broken = the plan cannot be used: { $why }
error-open-plan-kept = this version does not understand the stored plan “{ $plan }” ({ $why }): open it with the version that began it
error-open-unknown-environment = the plan has no environment “{ $environment }”: it has { $known }
error-open-unknown-rollout = this installation has no rollout “{ $rollout }”: timonelctl status says which there are
error-open-unknown = there is nothing called “{ $name }”
error-open-no-key = the key “{ $credential }” of account { $account } is missing: store it in Connections, or in the variable { $variable }, and open it again. Nothing was touched
error-open-key-out-of-reach = the key “{ $credential }” of account { $account } cannot be read ({ $why }): unlock its place, or put it into the variable { $variable }, and open it again. Nothing was touched
error-open-connect = { $what } cannot be connected ({ $why }): correct it and open it again. Nothing was touched
error-open-target = { $target } does not answer as it should: { $why }. Correct it and open it again. Nothing was touched
error-open-store = the journal cannot be read ({ $why }): check the disk. To put calls back meanwhile: timonelctl rollback --commands
error-open-helm = { $by } has the helm: wait until it lets go of it, or shows no sign for some seconds, and open it again. To put calls back there is no need to wait: timonelctl rollback
error-open-engine = it does not start ({ $why }). To put calls back meanwhile: timonelctl rollback --commands
error-open-simulator = the simulator does not start ({ $why }): close other programs and open it again
error-open-folder = the folder { $place } cannot be used ({ $why }): free space or permissions and open it again
