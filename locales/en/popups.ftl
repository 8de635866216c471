# Popups of the desktop. What happened is told by the sentences of notices.ftl; this is what stands around them. They are read
# in passing: how grave first, then where.

popup-simulated = SIMULATOR
popup-title-critical = ▲ Critical · { $environment } · { $rollout }
popup-title-high = ◆ High · { $environment } · { $rollout }
popup-title-medium = ● Notice · { $environment } · { $rollout }
popup-title-resolved = ✓ Resolved · { $environment } · { $rollout }
popup-title-more = More alerts · { $environment } · { $rollout }
popup-title-program = ▲ Timonel · { $environment }
popup-title-test = Timonel test · { $environment }

popup-several = { $alert } { $count ->
    [one] ({ $shown } alert)
   *[other] ({ $shown } alerts, this is the latest)
 }
popup-resolved = It is over: { $alert }
popup-more = { $count ->
    [one] { $shown } more alert that nobody acknowledged. Open it in Timonel.
   *[other] { $shown } more alerts that nobody acknowledged. Open them in Timonel.
 }
popup-page-lost = The window stopped answering and is opened again. Everything is still watched. To roll back now: the menu of the icon beside the clock, or timonelctl rollback.
popup-test = If you read this, press the button: that proves that popups are seen at this desktop.

popup-acknowledge = Acknowledge
popup-open = Open
popup-seen = I see it
