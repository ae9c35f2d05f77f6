//! The variables in sight while a template is parsed.

use std::collections::HashMap;

use crate::gotemplate::text::GoString;
use crate::gotemplate::tree::Variable;

/// What belongs to the template that is being parsed.
pub(super) struct Scope {
    /// The symbols of the variables in sight, the innermost last.
    pub(super) variables: Vec<u32>,
    symbols: HashMap<GoString, u32>,
    /// How many variables in sight have a symbol.
    in_sight: Vec<u32>,
    pub(super) range_depth: usize,
}

impl Scope {
    pub(super) fn new() -> Self {
        let mut scope = Self {
            variables: Vec::new(),
            symbols: HashMap::new(),
            in_sight: Vec::new(),
            range_depth: 0,
        };
        scope.declare(&GoString::from("$"));
        scope
    }

    fn symbol(&mut self, name: &GoString) -> u32 {
        let next = u32::try_from(self.symbols.len()).unwrap_or(u32::MAX);
        *self.symbols.entry(name.clone()).or_insert_with(|| {
            self.in_sight.push(0);
            next
        })
    }

    fn count(&mut self, symbol: u32) -> Option<&mut u32> {
        self.in_sight.get_mut(usize::try_from(symbol).ok()?)
    }

    pub(super) fn declare(&mut self, name: &GoString) -> Variable {
        let variable = self.variable(name);
        self.variables.push(variable.symbol);
        if let Some(count) = self.count(variable.symbol) {
            *count += 1;
        }
        variable
    }

    /// Takes the variables beyond the first `length` out of sight.
    pub(super) fn forget(&mut self, length: usize) {
        while self.variables.len() > length {
            if let Some(symbol) = self.variables.pop()
                && let Some(count) = self.count(symbol)
            {
                *count -= 1;
            }
        }
    }

    pub(super) fn sees(&mut self, name: &GoString) -> bool {
        let symbol = self.symbols.get(name).copied();
        symbol.and_then(|s| self.count(s)).is_some_and(|count| *count > 0)
    }

    pub(super) fn variable(&mut self, name: &GoString) -> Variable {
        Variable {
            symbol: self.symbol(name),
            name: name.clone(),
        }
    }
}
