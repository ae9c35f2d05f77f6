//! Moving content: plan what is missing where, run it, report.
