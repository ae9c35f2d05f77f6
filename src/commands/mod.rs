//! One file a command: options → plan → run → report.
