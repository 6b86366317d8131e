//! JSON in which a field is not as it was. Pure.

use serde_json::{Map, Value};

use super::faults::Schema;

/// The text with the change, wherever in it; `None` when it has no such field or is no JSON.
pub(super) fn changed(text: &str, schema: &Schema) -> Option<String> {
    let mut value = serde_json::from_str(text).ok()?;
    let mut hit = false;
    walk(&mut value, &mut |object| hit |= change(object, schema));
    hit.then(|| value.to_string())
}

fn walk(value: &mut Value, change: &mut dyn FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            object.values_mut().for_each(|inner| walk(inner, change));
            change(object);
        }
        Value::Array(list) => list.iter_mut().for_each(|inner| walk(inner, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn change(object: &mut Map<String, Value>, schema: &Schema) -> bool {
    match schema {
        Schema::Add { field, value } => {
            object.insert(field.clone(), value.clone());
            true
        }
        Schema::Drop { field } => object.remove(field).is_some(),
        Schema::Retype { field } => match object.get_mut(field) {
            Some(value) => {
                *value = retyped(value);
                true
            }
            None => false,
        },
    }
}

/// Numbers become texts and the other way round; what is neither becomes a text of itself.
fn retyped(value: &Value) -> Value {
    match value {
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(Value::Number(number)) => Value::Number(number),
            _ => Value::Array(vec![value.clone()]),
        },
        other => Value::String(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_at_any_depth() {
        let text = r#"{"stream":"s","data":{"p":"1.50","q":2,"list":[{"p":"x"}]}}"#;
        let field = "p".to_owned();
        let drop = changed(text, &Schema::Drop { field: field.clone() }).unwrap();
        assert_eq!(drop, r#"{"data":{"list":[{}],"q":2},"stream":"s"}"#);
        let retype = changed(text, &Schema::Retype { field }).unwrap();
        assert_eq!(
            retype,
            r#"{"data":{"list":[{"p":["x"]}],"p":1.50,"q":2},"stream":"s"}"#.replace("1.50", "1.5")
        );
        let number = changed(text, &Schema::Retype { field: "q".to_owned() }).unwrap();
        assert!(number.contains(r#""q":"2""#), "{number}");
        let add = Schema::Add { field: "new".to_owned(), value: json!(7) };
        assert_eq!(changed("[{}]", &add).unwrap(), r#"[{"new":7}]"#);
    }

    #[test]
    fn nothing_to_change() {
        let drop = Schema::Drop { field: "p".to_owned() };
        assert_eq!(changed(r#"{"q":1}"#, &drop), None);
        assert_eq!(changed("not JSON", &drop), None);
    }
}
