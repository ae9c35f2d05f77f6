//! The people's side: arguments, environment, printer, progress, failures.
