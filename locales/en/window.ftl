# The window. The sentences that it shares with the other faces of the program are in notices.ftl.

window-purpose = Move your calls from the old voice system to the new one a little at a time, and put every call back on the old one at once if something goes wrong.
window-version = Version { $version }
window-opening = Opening…
window-no-answer = The window could not ask the program ({ $reason }). Close it and open Timonel again; nothing that runs in the terminal depends on it.
window-reason = Reason: it goes into the journal
window-type-place = To go on, type the name of the environment: { $place }
window-cancel = Cancel
window-close = Close
told-hides = The window hides, Timonel does not end: it keeps watching from its icon beside the clock. To end it, choose “Quit Timonel” in the icon's menu.
told-quit = A rollout is under way and nobody would watch it from here. To quit all the same, choose “Quit Timonel” in the icon's menu once more.
told-quit-window = A rollout is under way, or nobody can say, and without Timonel nobody would watch it from here. To quit all the same, close the window once more.
told-other-installation = Timonel is open already with the folder { $here }, and nothing of { $there } was opened. Quit it first, or leave out --home and --kubeconfig.
told-unwatched = Nothing is watched now: { $why }.
told-silent = Timonel's engine does not answer: what is shown may not be what is. To roll back now: timonelctl rollback. Restarting Timonel loses nothing.
told-not-opened = It was not opened: { $why }.

rail-title = Screens
screen-guardia = Watch
screen-connections = Connections

band-simulated = SIMULATOR
environment-produccion = PRODUCTION
band-speed = × { $speed }
band-nothing-real = rehearsal: nothing that you see or order is real
band-real = reading and command · real calls
band-looking-on = looking on and giving orders over the shared journal · real calls
band-sources = Freshness of the sources
band-evaluated = Evaluated { $age } ago
band-link-lost = No connection to the program
band-unwritten = the journal is not written: { $count ->
    [one] 1 entry waits
   *[other] { $count } entries wait
 }
source-never = no data yet
source-parts = { $fresh } of { $all } signals up to date · read every { $interval } · up to { $lag } behind
source-prometheus = Prometheus
source-scrape = IVR /metrics
source-telnyx = Telnyx
freshness-live = live
freshness-late = late
freshness-lost = lost
looking-on-lost = Without the shared journal for { $age }. The rollout is shown as it was then; signals are read here and are of now. Rolling back works: it is done from here.
looking-on-unled = Nobody watches this rollout: no engine has the helm, and nothing is rolled back by itself. Start timonelctl engine over this journal. Rolling back works: it is done from here.
looking-on-from-kit = It is rolled back from here and without the shared journal, with this desk's kit: the weights shown are those of this rollback. It will be written down there once that is back.
silent-alert = Nothing heard of the program for { $age }.
silent-more = What you see may no longer be true. Watching and automatic rollback do not depend on this window.

head-phase = Phase { $number } of { $of } · { $name }
head-baked = { $served } of { $of }
head-no-phase = { $of } phases
head-calm = All is well.
head-weight = { $weight } of the new calls go to the new system.
head-wrong = { $metric }: { $value }, with a limit of { $limit }.
head-wrong-compared = { $metric } of the new system: { $value }. Stable: { $stable }.
head-share = { $value } ({ $part } of { $units })
head-pending = limit of { $limit } passed for { $elapsed } of { $of }; then { $action }
head-waits = To go on: { $what }
head-more = { $more } more

emergency-label = Roll { $plan } back to { $to }
emergency-effect = From { $from } to 0%: { $targets } · { $units ->
    [unknown] calls there: no data
    [one] 1 call on the new one
   *[other] { $units } calls on the new one
 }
emergency-simulated = Simulator
emergency-nothing = Nothing to roll back: no call goes to the new system.
emergency-none-there = No call goes to the new one. Pressing keeps it so and latches.
emergency-drilled = last drill { $age } ago: { $took }
emergency-never-drilled = not drilled yet
emergency-sending = Sending…
emergency-confirm = The stable system may be gone. Pressing confirms it.
emergency-latched = Rolled back and latched. It can be pressed again.
emergency-keys = By keyboard: Ctrl + Backspace on the button

mark-accepted = accepted
mark-read-back = read back
mark-seen = seen
mark-drained = drained
mark-unseeable = —
mark-unseeable-why = Traffic cannot show it for this target

timeline-title = Phases
timeline-key = plan hollow · actual filled
timeline-more = weight and alerts on the same line
timeline-promise = planned { $weight }
timeline-now = now { $at }
phase-ahead = ahead
phase-present = present
phase-passed = passed
phase-rolled-back = rolled back

weights-title = Weight by target
weights-columns = requested · accepted · observed
weights-target = target
weights-requested = requested
weights-accepted = accepted
weights-observed = observed
weights-members = { $canary }/{ $all } numbers
weights-unseen = no data
weights-seen = { $canary } of { $all }
weights-seen-over = { $canary } of { $all } new calls in { $over }: with few, the share swings
weights-unknown = ?
weights-silent = no answer for { $age }
weights-drift = somebody left it at { $weight }
weights-marks = Verification of the lowering
weights-contrary = { $units ->
    [one] 1 new call still reached the new one
   *[other] { $units } new calls still reached the new one
 }
weights-manual = Not confirmed: commands to lower it by hand
weights-progress = In progress:
target-kind-telnyx-number-share = Telnyx, numbers
target-kind-kubernetes-virtual-service = Istio
place-virtual-service = VirtualService { $namespace }/{ $name } in cluster { $cluster }
place-number-share = numbers of account { $account }, from application { $stable } to { $canary }

board-title = Go on or roll back
board-columns = new · stable · limit
board-metric = metric
board-limit = limit
board-margin = margin
board-lasting = for
board-units = data
board-units-missing = { $missing } missing
board-units-needed = { $units } data in { $window }; with fewer than { $of } nothing is judged
board-no-evidence = no evidence
board-chart = Show in the chart
board-rule = { $rule }: { $comparison } { $limit } for { $lasting }, looking at { $window } → { $action }
action-notify = warns
action-alert = warns and freezes
action-rollback = rolls back
margin-none = no value
margin-beyond = beyond the limit
margin-left = { $share } of the margin left

evidence-title = Evidence against the new version
evidence-scale = logarithmic scale
evidence-acts = alerts { $alert } · rolls back { $rollback }
evidence-alerts = alerts { $alert }
evidence-more-than = more than { $number }
evidence-bad = { $bad }/{ $total } { $n ->
    [one] failure
   *[other] failures
}
evidence-above = { $bad }/{ $total } above { $limit }
evidence-occurred = { $bad } in { $total } calls, which are { $share } of all at most
evidence-mean = mean { $mean }, { $upper } at most
evidence-upper = upper bound { $upper }
evidence-always = It holds at any time: look as often as you like.
evidence-kept = sure of < { $limit }
evidence-missing = { $metric ->
    [speech_recognition] { $n ->
        [one] 1 recognised turn missing
       *[other] { $units } recognised turns missing
    }
   *[other] { $n ->
        [one] 1 clean call missing
       *[other] { $units } clean calls missing
    }
} for < { $limit }
evidence-far = < { $limit } cannot be made sure
evidence-observational = Who serves is not chance: R counts a tenth.
gates-clean = { $units } clean ones missing

gates-title = To go on to { $weight }
gates-title-last = To finish
gates-title-start = To start
gates-count = { $met } of { $all }
gates-bake = Least time of the phase
gates-approvals = Approval
gates-checklist = List “{ $list }” signed
gates-unsigned = not signed
gates-left = { $left } left
gates-value = { $value } · { $units ->
    [0] no units
   *[other] { $units } units
 }
gate-limit = { $metric } { $comparison } { $limit }
gate-relative = { $metric } { $comparison } { $limit } (stable with margin)
gate-without-critical-error = No critical errors in { $lasting }
gate-without-security = No security incidents in { $lasting }

order-sign-all = Sign the lists
order-sign-all-effect = It is written down that you checked everything that the unsigned lists say.
order-arm = Arm
order-arm-effect = Checks targets, signals and credentials. From then on a rollback is possible. It moves no call.
order-start = Start
order-start-effect = Moves the first calls to the new system.
order-approve = Approve going on
order-approve-effect = With the approvals that the phase asks for and its conditions met, the weight rises to the next phase.
order-freeze = Freeze
order-freeze-effect = The weight stays where it is until a person releases it. A rollback stays possible.
order-reset = Reset the latch
order-reset-effect = Permits starting again. By itself it moves no call.
order-release = Release: { $hold ->
    [operator] frozen by a person
    [alert] held by an alert
    [drift] weight changed at { $target }
   *[shift] failed change at { $target }
 }
order-release-effect = The rollout may go on when its conditions are met.
order-drill = Drill the rollback
order-drill-effect = The real rollback, at 0%: it moves no calls and measures how long it takes.
order-close = Close the rollout
order-close-effect = It ends: nobody watches it any more, and it can no longer be put back from here. Moves no call.
order-sending = Sent to whoever has the helm: waiting for the answer, half a minute at most.
order-unchanged = Done already: the order changes nothing.
order-refused = Not done: { $why }

alerts-title = Alerts
alerts-open = { $count ->
    [0] none open
    [one] 1 open
   *[other] { $count } open
 }
alerts-acknowledge = Acknowledge
alerts-comment = Comment (optional)
alerts-resolved = resolved { $at } · lasted { $lasted }
alerts-since = since { $at }, { $age } ago
alerts-seen = seen by { $by } at { $at }
alerts-none = No alerts.
severity-low = low
severity-medium = medium
severity-high = high
severity-critical = critical

journal-title = Journal
journal-latest = latest
helm-here = Helm: { $by } (this engine), since { $at }
helm-nobody = Helm: nobody
helm-elsewhere = Helm: { $by } (another engine), since { $at }
journal-empty = No entries yet.

chart-limit = { $action } { $limit } · { $lasting }
chart-summary = { $metric }: { $values }. Limits: { $limits }.
chart-empty = No data in this stretch
chart-band = may be
chart-band-of = { $side }: over the whole phase, between { $low } and { $high } with 95 % confidence.
chart-window = { $window } a point

picture-keep = Save picture: { $of }
picture-saving = Drawing the picture…
picture-kept = Picture saved: { $where }

connections-sources = Sources of metrics
connections-targets = Targets
connections-source = source
connections-kind = kind
connections-state = state
connections-newest = newest data
connections-ago = { $age } ago
connections-interval = read every
connections-lag = lag by nature
connections-fresh = signals up to date
connections-place = where
connections-answers = answers
role-splitter = divides
role-follower = follows

palette-title = Find and command
palette-none = Nothing by that name.
palette-speak-es = Language: Spanish (español)
palette-speak-en = Language: English
palette-theme-auto = Theme: as the desktop
palette-theme-light = Theme: light
palette-theme-dark = Theme: dark

footer-palette = find and command
footer-language = English · switch to español
footer-theme = Theme: { $theme ->
    [light] light
    [dark] dark
   *[auto] automatic
 }
footer-read-only = read only
footer-journal = journal: { $entries }

popups-title = Desktop popups
popups-none = There are no desktop popups here: the window program shows them, not a page in a browser.
popups-untested = not tested
popups-working = working
popups-degraded = in part
popups-failed = not seen
popups-server = { $server } shows them.
popups-try = Test
popups-waiting = Press the button "I see it" of the popup that has just come. If you do not see it, popups do not reach you at this desktop.
popups-tested = Tested by { $by } at { $at }.
popups-never-tested = Nobody has confirmed yet that they are seen.
popups-strip-failed = Desktop popups are not seen: { $why }. Alerts are still here.
popups-strip-degraded = Desktop popups work in part: { $why }.
popups-strip-refused = The alert was not acknowledged from the desktop popup: { $why }. Acknowledge it here.
popups-no-bus = this program is in no desktop session; open it from one ({ $said })
popups-no-server = no program of the desktop shows them; start one, such as dunst or mako ({ $said })
popups-silent = the program that shows them does not answer; start it anew
popups-refused = the program that shows them refuses them; look whether it is set to hide those of Timonel ({ $said })
popups-ended = the part of Timonel that shows them has ended; close Timonel and open it again
popups-no-actions = this desktop shows them without buttons; open Timonel to acknowledge
popups-no-update = this desktop neither changes them nor takes them away; what they say may be over
popups-no-urgency = this desktop shows all alike; what is critical does not stand out

error-no-popups = there are no desktop popups here: test them in Timonel's window
error-read-only = this screen only looks: do it in the main window
error-comment-too-long = the text is too long: leave the main thing
error-other-rollout = this was for { $rollout } in { $environment }, and now { $open } in { $place } is open: look again and press once more
error-unknown-alert = that alert is no longer there
error-unknown-rule = the plan has no such rule
error-nothing-to-draw = there are no readings to draw yet
error-picture = the picture could not be drawn ({ $why })
error-picture-too-large = the picture is too large for this browser: save it with timonelctl chart
error-not-kept = the picture could not be saved ({ $why })
error-store = the journal cannot be read ({ $why })
error-not-understood = the page asked for something that this program does not know: reload it
error-gone = the rollout no longer runs: open Timonel again
error-sent = it could not be sent to whoever has the helm ({ $why }): say it again
error-sent-refused = whoever has the helm does not do it ({ $why })
error-sent-late = it reached whoever has the helm too late and was not done: look again, and repeat it if it is still needed
error-sent-overtaken = after this order somebody said that the rollback is over: look again, and press once more if it is still needed
error-sent-unread = whoever has the helm does not understand this order: it is of another version of Timonel
error-sent-unheard = nobody took it within { $limit }: it was withdrawn and will not be done. Look who has the helm before repeating it
error-sent-unsettled = it may have been begun, and nobody has said within { $limit } how it ended: it may yet be done. Look who has the helm and what became of it before repeating it
error-sent-no-kit = neither the shared journal nor a kit of this desk can be used ({ $why }): use timonelctl rollback --commands
error-not-open = the console could not be opened ({ $why }): close Timonel and open it again

# Connections: keys

keys-title = Keys
keys-more = a key is never shown again
keys-looking = Looking in every place… If the keychain asks, answer in its own window.
keys-retry = Try again
keys-retry-place = Try again: { $place }
keys-places = Where they are kept
keys-place = where
keys-name = name
keys-age = stored
keys-tested = last test
keys-state = state
keys-used-by = used by
keys-acts = actions
keys-none = No key is stored yet.
keys-ago = { $age } ago
keys-no-age = no date
keys-never-tested = not tested
keys-tested-well = good, { $age } ago
keys-tested-badly = bad, { $age } ago
keys-in-force = in use
keys-spare = not used: the one in { $place } goes first
keys-missing = no longer there: somebody took it away with the keychain's own program. Store it again
keys-unused = nobody, by this plan
keys-use = account { $account }{ $open ->
    [yes] {""}
   *[no] {" "}of environment { $environment }
 }{ $through ->
    [none] {""}
   *[some] : { $names }
 }
keys-general = every account without a key of its own
keys-wanted = The key “{ $name }” is missing: used by { $uses }.
keys-wanted-later = The plan uses the key “{ $name }” too: { $uses }.
keys-wanted-general = TELNYX_API_KEY stands in for it as long as it is missing.
keys-give = Store “{ $name }”…
keys-test = Test
keys-test-of = Test { $name }
keys-test-why = Really asks the provider; changes nothing
keys-testing = Testing…
keys-delete = Remove
keys-delete-of = Remove { $name } ({ $place })
keys-delete-ask = Remove “{ $name }” ({ $place })
keys-delete-used = Used by: { $uses }. Without it nothing can be moved or rolled back through that account once it is opened again.
keys-delete-unused = No environment of this plan uses it.
keys-delete-next = After that the one in { $place } is used.
keys-delete-act = Remove the key
keys-add = Store a key
keys-add-name = Name, as the plan writes it
keys-add-secret = Key
keys-add-secret-hint = Up to { $most } bytes. It is never shown again, and this field is emptied when it is sent.
keys-add-where = Where it is kept
keys-add-act = Store
keys-adding = Storing…
keys-read-only = Variables are set where the program is started.
keys-keep-keychain = In the desktop's keychain
keys-keep-keychain-effect = Encrypted by your desktop. Still there after a restart.
keys-keep-session = In memory only, until Timonel is closed
keys-keep-session-effect = It is kept nowhere. If Timonel is closed or crashes, nothing can be moved or rolled back with it until somebody types it again.
keys-keep-file = In a file on this machine
keys-keep-file-effect = Not encrypted; only its owner can read it. For servers: { $path }
keys-kept = “{ $name }” is stored in { $place }.
keys-deleted = “{ $name }” is no longer in { $place }.
keys-now-other = The one in { $place } is used, which goes first.
keys-now-next = From now on the one in { $place } is used.
keys-now-none = There is no longer one of that name that can be read.
effect-next = It counts from the next rollout that is opened.
effect-soon = The open rollout was waiting for it: it takes it within a minute.
effect-reopen = The open rollout goes on with the one it loaded when it was opened; the change counts when it is opened again.
vault-place-environment = variables of the process
vault-place-session = memory of this session
vault-place-keychain = keychain
vault-place-file = file { $path }
vault-file = file
the-place-environment = the variables of the process
the-place-session = the memory of this session
the-place-keychain = the keychain
the-place-file = the file
condition-available = available
condition-locked = locked
condition-absent = not there
condition-denied = no access
condition-silent = not answering
condition-unbuilt = not included
advice-keychain-locked = Unlock it in its own window, or with its program, and press Try again.
advice-keychain-absent-linux = Start gnome-keyring, KWallet or KeePassXC (with its secret service switched on) in your session, with a keyring made, and press Try again. Meanwhile the key can be kept in memory only.
advice-keychain-absent = Log in with a desktop session and press Try again. Meanwhile the key can be kept in memory only.
advice-keychain-denied = Let Timonel in, in the keychain's own program, and press Try again.
advice-keychain-silent = Answer its window if it is open, or restart its service, and press Try again. What was under way may have been done.
advice-keychain-unbuilt = This program was built without a keychain. Keep the key in memory or in the file.
advice-file-denied = If others can read it, run chmod 600 on it and renew the keys in it; if it is not yours or damaged, move it away. Then press Try again.
advice-place = Free space or rights and press Try again.
check-credential-found = There is a key of that name
check-account-key = The key opens the account
check-account-key-bad = The key does not open the account
check-account-balance = Balance
check-account-balance-bad = The balance cannot be seen or is not enough
check-account-rights = The key can read the voice applications
check-account-rights-bad = The key cannot read the voice applications
check-other = { $code }: good
check-other-bad = { $code }: bad
error-credential-name = that cannot be a name: write 1 to 80 letters or digits without spaces or quotes, such as telnyx-produccion
error-credential-name-is-key = that looks like the key and not like its name: write a name, such as telnyx-produccion. If somebody may have seen it, renew it
error-credential-size = the key has { $bytes } bytes and must have 1 to { $most }: store the key alone, not the file it came in
error-credential-locked = { $place }: locked. Unlock it and do this again ({ $said })
error-credential-absent = { $place }: not there. Start it and do this again, or choose another place ({ $said })
error-credential-denied = { $place }: does not let us in. Correct the rights and do this again ({ $said })
error-credential-silent = { $place }: did not answer within { $limit }. Answer its window if it is open and do this again
error-credential-place-read-only = { $place }: they are changed where the program is started
error-credential-damaged = { $place }: damaged ({ $said }). Move it away and store its keys again
error-credential-system = { $place }: the system does not allow it ({ $said }). Free space or rights and do this again
error-credential-unknown = there is no key “{ $name }”: store it first
error-credential-no-keychain = this program was built without a keychain: choose memory or the file
error-credential-unused = no account of that environment uses “{ $name }”
error-credential-account = the account cannot be asked ({ $said })
error-credential-test-late = the provider did not answer within { $limit }: check the network and test again

environments-title = Environments
environments-palette = Open another environment or a plan
environments-store = Shared journal: { $place }
environments-environment = Environment
environments-rollout = Rollout
environments-since = Since
environments-open = open
environments-unwatched = nobody watches it here: open it
environments-act = Open
environments-open-named = Open { $name }
environments-simulator = A world that is not real, to practise in
environments-open-simulator = Open the simulator
environments-again = Begin again
environments-path = Open a plan: the whole path of its file
environments-read = Read the plan
environments-open-in = Open in { $environment }
environments-none = The plan has no real environment: add one under [environments].
environments-unsound = This plan cannot be used
environments-line = line { $line }
environments-opening = Opening { $name }… Opening moves no call.
environments-opened = Open: { $name }. No call was moved.
