//! Go's text/template: lexer, parser, tree, values, evaluator, fmt verbs. Knows nothing of Helm.
