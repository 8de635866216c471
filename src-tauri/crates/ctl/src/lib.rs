//! timonelctl: every command a person needs without a window.
