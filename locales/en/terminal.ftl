# What timonelctl says in the terminal.

plan-good = Plan { $plan }: { $phases } phases, { $targets } targets, { $rules } rules. It can be used.
rehearsal-title = Rehearsal on the simulator: { $title }
progress = { $elapsed } · { $stage } · accepted { $accepted } · observed { $observed }
raising = raises { $target } to { $to }
lowering = lowers { $target } to { $to }
rejected = not done: { $reason }
manual-due = { $target } does not confirm. Any of these commands lowers it by hand:
somebody = somebody
frozen = frozen

side-stable = stable
side-canary = new
side-whole = shared

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
cause-rule = rule { $rule } asked for it
cause-critical-error = critical error in data or integrity
cause-security = security incident
cause-resumed = it was under way at the start
cause-drill = drill by { $person }

notice-rule-firing = Rule { $rule } holds.
notice-rule-wants-rollback = Rule { $rule } asks to roll back and may not do so by itself: decide.
notice-rule-resolved = Rule { $rule } holds no longer.
notice-signals-lost = No data of { $signals }. Nothing advances until they are back.
notice-signals-back = The data are back.
notice-gap = Nobody watched since { $from }.
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
notice-levered = { $target }: new calls no longer reach the new system. The clean-up goes on.
notice-not-cleaned-up = { $target }: new calls do not reach the new system, but the clean-up does not end. A person is needed.
notice-pinned = { $tenant }'s calls stay on stable. The rollout goes on.
notice-unpinned = { $tenant } takes part again from the next raise on.
notice-drilled = Rollback drill done: { $secs } s from the order to the last check.
notice-rollback-started = Rolling back to { $to }: { $cause }.
notice-not-read-back = { $target } has not confirmed in time. A person is needed.
notice-contrary = { $target } says that it is down, and { $units } new calls still reach the new system. A person is needed.
notice-rollback-verified = All targets verified: new calls go to stable.
notice-drained = No call is left in progress on the new system.
notice-drift-below = { $by } lowered { $target } to { $live }. That is respected and the rollout frozen: roll back the others too?
notice-drift-above = { $by } raised { $target } to { $live }. It is put back.
notice-drift-persists = Somebody keeps raising { $target }. A person is needed.
notice-completed = Completed: all calls go to the new system.

why-target-unreachable = there is no connection; the change may or may not have happened
why-target-deadline = it did not answer in time; the change may or may not have happened
why-target-unauthenticated = it does not accept our credentials: renew them
why-target-conflict = somebody else changed it at the same moment
why-target-throttled = it asks us to slow down
why-target-marked = it bears the mark of a rollback: reset the latch before raising
why-target-read-back-differs = it accepted the change and reads otherwise
why-store-fault = the journal cannot be written, and without it nothing is raised
why-raise-overtaken = meanwhile something changed that forbids it

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

hold-operator = a person, who froze it
hold-alert = an alert, until a person has seen to it
hold-drift = a weight that somebody lowered on { $target }, until a person decides
hold-shift = a change that failed on { $target }, until a person decides
hold-gap = a while that nobody watched; clears by itself
hold-helm-lost = another engine has the helm; clears by itself
hold-no-evidence = missing data; clears by itself

rejection-stage = it is not possible in the present stage
rejection-checks = these checks do not pass: { $checks }
rejection-latched = a rollback's latch stands; a person has to reset it with a reason
rejection-unknown = this plan has nothing of that name
rejection-cannot-pin = no target of this plan can keep one tenant on stable: reduce the weight, or put everything back
rejection-no-reason = write a reason
rejection-same-person = a second person is needed
rejection-not-lower = a reduction has to be below the present weight
rejection-stable-gone = the stable system was kept until { $until } and may be gone; to roll back all the same, repeat with --confirmed
