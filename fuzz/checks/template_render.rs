//! Any template ends within its limits, and what it printed is the same the second time.

use std::sync::Arc;
use std::time::Duration;

use carrack::gotemplate::{
    Arguments, Engine, Failure, Function, Limits, List, Map, MissingKey, Render, Signature, Templates, Type,
    Value, builtins, fmt, memory,
};

fn include(engine: &mut dyn Engine, a: Arguments<'_>) -> Result<Value, Failure> {
    Ok(engine.include(a.text(0)?, a.value(1)?)?.into())
}

fn tpl(engine: &mut dyn Engine, a: Arguments<'_>) -> Result<Value, Failure> {
    Ok(engine.evaluate(b"fuzz", a.text(0)?, a.value(1)?)?.into())
}

fn dict(a: Arguments<'_>) -> Result<Value, Failure> {
    let map = Map::any();
    for pair in a.all().chunks_exact(2) {
        map.insert(fmt::text_of(&pair[0])?, pair[1].clone())?;
    }
    Ok(map.into())
}

fn set(a: Arguments<'_>) -> Result<Value, Failure> {
    a.map(0)?.insert(a.text(1)?.clone(), a.value(2)?.clone())?;
    Ok(a.value(0)?.clone())
}

fn data() -> Value {
    let inner: Map = [
        ("name", Value::from("ada")),
        ("n", Value::int(3)),
        ("f", Value::Float(1e6)),
    ]
    .into_iter()
    .collect();
    let map: Map = [
        ("m", inner.into()),
        (
            "l",
            List::any(vec!["x".into(), Value::Nil, Value::Float(2.5)]).into(),
        ),
        ("s", "text".into()),
        ("t", true.into()),
        ("nil", Value::Nil),
    ]
    .into_iter()
    .collect();
    map.into()
}

pub(super) fn check(text: &[u8]) {
    let mut functions = builtins();
    functions.add([
        Function::with_engine("include", Signature::of(&[Type::STRING, Type::ANY]), include),
        Function::with_engine("tpl", Signature::of(&[Type::STRING, Type::ANY]), tpl),
        Function::variadic("list", &[], Type::ANY, |a| Ok(List::any(a.all().to_vec()).into())),
        Function::variadic("dict", &[], Type::ANY, dict),
        Function::plain("set", &[Type::ANY_MAP, Type::STRING, Type::ANY], set),
    ]);
    let mut templates = Templates::new(Arc::new(functions)).missing_key(MissingKey::Zero);
    if templates.parse("fuzz", text).is_err() {
        return;
    }
    let limits = Limits {
        depth: 200,
        steps: 20_000,
        output: 1 << 20,
        time: Duration::from_secs(5),
        memory: 16 << 20,
    };
    let run = || {
        let result = Render::new(&templates)
            .limits(limits.clone())
            .run("fuzz", &data());
        result.map_err(|e| (e.limit(), e.to_string()))
    };
    let first = run();
    let held = memory::held();
    let second = run();
    if !matches!(first, Err((Some(_), _))) {
        assert_eq!(first, second);
    }
    // A map inside itself is never let go, as with any counting of references.
    let cycles = text.windows(3).any(|w| w == b"set");
    assert!(
        cycles || memory::held() <= held + (64 << 10),
        "values are left behind"
    );
}
