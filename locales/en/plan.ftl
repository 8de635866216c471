# The Plan screen: the plan as it is written, and what it can show before it begins.

screen-plan = Plan
plan-title = Phases of plan { $plan }
plan-revision = revision { $revision }
plan-shortened = The rehearsal shortens the phases; here they are as in the plan.
plan-reading = Reading the plan…
plan-phase = Phase
plan-weight = Weight
plan-length = Lasts
plan-start = Planned start
plan-start-after = after the one before
plan-leave = To leave it
plan-people = People
plan-approvals = { $n ->
    [one] 1 approval
   *[other] { $n } approvals
}
plan-checklist = checklist { $list } signed
plan-check-in = look every { $every }
plan-gate-relative = { $metric } not worse than stable (margin { $limit })
plan-no-gates = time alone

plan-findings = What the plan’s check says
plan-findings-none = The check finds nothing doubtful.

power-panel = What each phase can show
power-simulated = simulated with the code that decides
power-units = Calls a day
power-base = Failing today (%)
power-value = { $metric } today (%)
power-value-none = unknown: not simulated
power-act = Compute
power-continue = Go on computing
power-measured = Measured over { $over } of this traffic; change it if another day will differ.
power-assumed = Nobody has measured it yet: the numbers are an assumption. Change them.
power-partly = Measured over { $over } of this traffic; what was missing is an assumption. Change it if you know better.
power-computing = Computing: { $done } of { $of } phases…
power-done = Computed with { $units } calls a day and { $base } failing. Traffic is taken as even over the day: reality will be somewhat worse.
power-left = Somebody asked for other numbers: this stopped at { $done } of { $of } phases.
power-observational = The version follows the number, the tenant or the caller, not chance: ten times the evidence is asked for.
power-failures = Failures
power-share-title = { $metric } (bad today: { $bad })
power-canary = On the new
power-canary-units = { $n } calls
power-smallest = Noticed from
power-smallest-none = not even a total failure
power-sight = If { $rate } fail
power-sight-units = { $n ->
    [one] 1 call
   *[other] { $n } calls
}
power-unseen-mostly = hardly ever seen
power-unseen-share = ({ $share })
power-go = To go on
power-go-none = —
power-go-enough = less than { $limit } in { $needs }
power-go-longer = less than { $limit } needs { $needs }
power-go-far = less than { $limit }: not with 20,000 calls
power-go-never = less than { $limit }: impossible
power-go-clean = { $n } without a bad one
power-at-best = { $metric }: at least { $n } without a bad one
power-at-best-never = { $metric }: cannot be shown
power-history = nothing to compare with: history alone
power-part = the first { $units } simulated
power-rules = Rollbacks by the rule within a phase: of a healthy version (by mistake), and of one that always fails
power-rule = Rule
power-literal = as written
power-gated = with evidence
power-as-planned = so in the plan
power-healthy = healthy { $share }
power-failing = failing { $share } after { $after }
power-failing-rare = failing { $share }
power-alone = By evidence alone, without a rule
power-unseen-title = Not simulated
power-warnings = What this plan cannot show

plan-unseen-today = { $rule }: what { $signal } gives today is not known. Write it above.
plan-unseen-spread = { $rule }: it looks at a mean or a quantile of { $signal }, and how its values spread is not known.
plan-unseen-occurrences = { $rule }: it counts occurrences of { $signal }, which are no share of anything.
plan-unseen-level = { $rule }: { $signal } is a level, of which nothing can be proved; it acts as written.
plan-unseen-side = { $rule }: it does not look at the calls of the new version.
plan-unseen-backwards = { $rule }: it rolls back when { $signal } gets better.
plan-warn-nothing-to-compare = { $phase }: with all calls on the new version there is nothing to compare with; the limits and history remain.
plan-warn-blind = { $phase }: so few calls do not even show a total failure. Make it longer or raise its weight.
plan-warn-blind-at-limit = { $phase }: { $rule } watches a limit that cannot be told apart here; seen with certainty from { $rate }. Make it longer or raise its weight.
plan-warn-go = { $phase }: too short for what its gate asks. Make it longer, raise its weight or ask for less.
plan-warn-false = { $phase }: { $rule }, as written, would roll back a healthy version in { $share } of cases. Write evidence = "gated".
plan-warn-false-spared = { $phase }: { $rule } as written would roll back a healthy version in { $share } of cases; with evidence, as it is in the plan, it only alerts.
plan-power-too-long = With so much traffic the computation does not fit into its time: phases are missing. Try fewer calls a day.
plan-power-refused = Cannot be simulated: { $why }
error-power-units = write the calls of a day: from 1 to { $most }
error-power-share = write today’s percentages between 0 and 100
