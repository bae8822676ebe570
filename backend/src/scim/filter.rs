//! Filters as conditions of SQL: every name comes from the schemas, every value is bound.

use chrono::{DateTime, Utc};
use domain::{
    is_storable,
    scim::{
        ENTERPRISE, Filter, Refused, Resource, ScimType,
        filter::Op,
        schema::{Attribute, Found, Kind},
    },
};
use serde_json::Value;
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

/// What is compared.
enum Place {
    /// An expression.
    Is(&'static str),
    /// Something in the attributes.
    In(Vec<String>),
    /// Something in an entry of a list, which is `e.v`.
    Entry(&'static str),
}

impl Place {
    fn push(&self, sql: &mut QueryBuilder<Postgres>) {
        match self {
            Self::Is(expression) => sql.push(*expression),
            Self::In(path) => sql.push("(s.attributes #>> ").push_bind(path.clone()).push(")"),
            Self::Entry(name) => sql.push("(e.v ->> ").push_bind(*name).push(")"),
        };
    }
}

fn wrong(detail: String) -> Refused {
    Refused::new(ScimType::InvalidFilter, detail)
}

/// Writes a condition on the row `s` of a resource.
///
/// # Errors
/// `invalidFilter` for what the resource does not have, or what cannot be compared so.
pub(super) fn push(sql: &mut QueryBuilder<Postgres>, resource: &Resource, filter: &Filter) -> Result<(), Refused> {
    match filter {
        Filter::And(parts) => joined(sql, parts, " AND ", |sql, part| push(sql, resource, part)),
        Filter::Or(parts) => joined(sql, parts, " OR ", |sql, part| push(sql, resource, part)),
        Filter::Not(part) => {
            sql.push("NOT ");
            push(sql, resource, part)
        }
        Filter::Within(path, inner) => {
            let found = find(resource, path)?;
            let list = found.attribute;
            if found.sub.is_some() || list.kind != Kind::Complex {
                return Err(wrong(format!("{} has no parts", list.name)));
            }
            if !list.multi {
                return within_one(sql, &found, inner);
            }
            entries(sql, resource, list, |sql| within(sql, resource, list, inner))
        }
        Filter::Present(path) => present(sql, resource, find(resource, path)?),
        Filter::Compare(path, op, value) => compare(sql, resource, find(resource, path)?, *op, value),
    }
}

fn joined(
    sql: &mut QueryBuilder<Postgres>,
    parts: &[Filter],
    word: &str,
    mut one: impl FnMut(&mut QueryBuilder<Postgres>, &Filter) -> Result<(), Refused>,
) -> Result<(), Refused> {
    sql.push("(");
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            sql.push(word);
        }
        one(sql, part)?;
    }
    sql.push(")");
    Ok(())
}

fn find(resource: &Resource, path: &domain::scim::AttrPath) -> Result<Found, Refused> {
    let name: String = path.name.chars().take(100).collect();
    resource
        .find(path)
        .ok_or_else(|| wrong(format!("There is no attribute '{name}'")))
}

/// Where an attribute that is no list is kept.
fn place(resource: &Resource, found: &Found) -> Result<Place, Refused> {
    let sub = found.sub.map(|sub| sub.name);
    let column = match (found.attribute.name, sub) {
        ("id", _) => "s.id::text",
        ("userName", _) => "s.user_name",
        ("externalId", _) => "s.external_id",
        ("active", _) => "s.active",
        ("displayName", _) if resource.name == "Group" => "s.display_name",
        ("meta", Some("created")) => "s.created_at",
        ("meta", Some("lastModified")) => "s.updated_at",
        ("meta", Some("resourceType")) if resource.name == "Group" => "'Group'",
        ("meta", Some("resourceType")) => "'User'",
        ("meta" | "schemas", _) => {
            return Err(wrong(format!("{} cannot be compared", found.attribute.name)));
        }
        (name, sub) => {
            let path = found.extension.into_iter().chain([name]).chain(sub);
            return Ok(Place::In(path.map(str::to_owned).collect()));
        }
    };
    Ok(Place::Is(column))
}

/// Some entry of a list for which what `inner` writes is true.
fn entries(
    sql: &mut QueryBuilder<Postgres>,
    resource: &Resource,
    list: &'static Attribute,
    inner: impl FnOnce(&mut QueryBuilder<Postgres>) -> Result<(), Refused>,
) -> Result<(), Refused> {
    if resource.name == "Group" {
        sql.push(
            "EXISTS (SELECT FROM scim_group_members m JOIN scim_users u ON u.id = m.member WHERE m.group_id = s.id AND ",
        );
    } else {
        sql.push("EXISTS (SELECT FROM jsonb_array_elements(coalesce(s.attributes -> ")
            .push_bind(list.name)
            .push(", '[]')) AS e(v) WHERE ");
    }
    inner(sql)?;
    sql.push(")");
    Ok(())
}

/// Where a part of an entry of a list is.
fn entry_place(resource: &Resource, part: &'static Attribute) -> Result<Place, Refused> {
    if resource.name != "Group" {
        return Ok(Place::Entry(part.name));
    }
    match part.name {
        "value" => Ok(Place::Is("m.member::text")),
        "display" => Ok(Place::Is("u.user_name")),
        "type" => Ok(Place::Is("'User'")),
        other => Err(wrong(format!("members.{other} cannot be compared"))),
    }
}

/// A filter in the brackets of a list.
fn within(
    sql: &mut QueryBuilder<Postgres>,
    resource: &Resource,
    list: &'static Attribute,
    filter: &Filter,
) -> Result<(), Refused> {
    let part = |path: &domain::scim::AttrPath| {
        (list.sub.iter())
            .find(|part| path.sub.is_none() && path.schema.is_none() && part.name.eq_ignore_ascii_case(&path.name))
            .ok_or_else(|| wrong(format!("{} has no such part", list.name)))
    };
    match filter {
        Filter::And(parts) => joined(sql, parts, " AND ", |sql, part| within(sql, resource, list, part)),
        Filter::Or(parts) => joined(sql, parts, " OR ", |sql, part| within(sql, resource, list, part)),
        Filter::Not(inner) => {
            sql.push("NOT ");
            within(sql, resource, list, inner)
        }
        Filter::Present(path) => {
            entry_place(resource, part(path)?)?.push(sql);
            sql.push(" IS NOT NULL");
            Ok(())
        }
        Filter::Compare(path, op, value) => {
            let part = part(path)?;
            comparison(sql, &entry_place(resource, part)?, part, *op, value)
        }
        Filter::Within(..) => Err(wrong("Brackets do not stand in brackets".to_owned())),
    }
}

/// Brackets behind something that is no list: `name[familyName eq "Mars"]`.
fn within_one(sql: &mut QueryBuilder<Postgres>, found: &Found, filter: &Filter) -> Result<(), Refused> {
    match filter {
        Filter::And(parts) => joined(sql, parts, " AND ", |sql, part| within_one(sql, found, part)),
        Filter::Or(parts) => joined(sql, parts, " OR ", |sql, part| within_one(sql, found, part)),
        Filter::Not(inner) => {
            sql.push("NOT ");
            within_one(sql, found, inner)
        }
        Filter::Present(path) | Filter::Compare(path, ..) => {
            let attribute = found.attribute;
            let part = (attribute.sub.iter())
                .find(|part| path.sub.is_none() && path.schema.is_none() && part.name.eq_ignore_ascii_case(&path.name))
                .ok_or_else(|| wrong(format!("{} has no such part", attribute.name)))?;
            let found = Found {
                sub: Some(part),
                ..*found
            };
            let place = place(&domain::scim::USERS, &found)?;
            if let Filter::Compare(_, op, value) = filter {
                return comparison(sql, &place, part, *op, value);
            }
            place.push(sql);
            sql.push(" IS NOT NULL");
            Ok(())
        }
        Filter::Within(..) => Err(wrong("Brackets do not stand in brackets".to_owned())),
    }
}

fn present(sql: &mut QueryBuilder<Postgres>, resource: &Resource, found: Found) -> Result<(), Refused> {
    let attribute = found.attribute;
    match (attribute.name, found.sub) {
        ("schemas" | "meta", None) => {
            sql.push("true");
        }
        (_, Some(part)) if attribute.multi => {
            return entries(sql, resource, attribute, |sql| {
                entry_place(resource, part)?.push(sql);
                sql.push(" IS NOT NULL");
                Ok(())
            });
        }
        (_, None) if attribute.multi => {
            return entries(sql, resource, attribute, |sql| {
                sql.push("true");
                Ok(())
            });
        }
        _ => {
            place(resource, &found)?.push(sql);
            sql.push(" IS NOT NULL");
        }
    }
    Ok(())
}

fn compare(
    sql: &mut QueryBuilder<Postgres>,
    resource: &Resource,
    found: Found,
    op: Op,
    value: &Value,
) -> Result<(), Refused> {
    let attribute = found.attribute;
    if attribute.name == "schemas" {
        return schemas(sql, resource, op, value);
    }
    let last = found.last();
    let compared = last
        .compared()
        .ok_or_else(|| wrong(format!("{} is compared by its parts", last.name)))?;
    // `emails co "x"` and `manager eq "42"` are about the value.
    let found = Found {
        sub: if found.sub.is_none() && attribute.kind == Kind::Complex {
            Some(compared)
        } else {
            found.sub
        },
        ..found
    };
    if !attribute.multi {
        // The one comparison that has to be quick and is not text.
        if attribute.name == "id"
            && op == Op::Eq
            && let Some(id) = value.as_str()
        {
            match id.parse::<Uuid>() {
                Ok(id) => sql.push("s.id = ").push_bind(id),
                Err(_) => sql.push("false"),
            };
            return Ok(());
        }
        return comparison(sql, &place(resource, &found)?, compared, op, value);
    }
    if resource.name == "Group"
        && compared.name == "value"
        && op == Op::Eq
        && let Some(id) = value.as_str()
    {
        return entries(sql, resource, attribute, |sql| {
            match id.parse::<Uuid>() {
                Ok(id) => sql.push("m.member = ").push_bind(id),
                Err(_) => sql.push("false"),
            };
            Ok(())
        });
    }
    entries(sql, resource, attribute, |sql| {
        comparison(sql, &entry_place(resource, compared)?, compared, op, value)
    })
}

/// Whether a resource has a schema.
fn schemas(sql: &mut QueryBuilder<Postgres>, resource: &Resource, op: Op, value: &Value) -> Result<(), Refused> {
    let Some(urn) = value.as_str().filter(|_| op == Op::Eq) else {
        return Err(wrong("schemas is compared by eq with a text".to_owned()));
    };
    if urn.eq_ignore_ascii_case(resource.core.urn) {
        sql.push("true");
    } else if resource.extension.is_some() && urn.eq_ignore_ascii_case(ENTERPRISE) {
        sql.push("coalesce(s.attributes -> ")
            .push_bind(ENTERPRISE)
            .push(" IS NOT NULL, false)");
    } else {
        sql.push("false");
    }
    Ok(())
}

/// One comparison; never unknown, so that `not` is right.
fn comparison(
    sql: &mut QueryBuilder<Postgres>,
    place: &Place,
    attribute: &Attribute,
    op: Op,
    value: &Value,
) -> Result<(), Refused> {
    Filter::check(attribute, op, value)?;
    if value.is_null() {
        place.push(sql);
        sql.push(if op == Op::Eq { " IS NULL" } else { " IS NOT NULL" });
        return Ok(());
    }
    match attribute.kind {
        Kind::Boolean => {
            sql.push("(");
            place.push(sql);
            sql.push(if op == Op::Eq {
                ")::boolean IS NOT DISTINCT FROM "
            } else {
                ")::boolean IS DISTINCT FROM "
            });
            sql.push_bind(domain::scim::boolean(value).unwrap_or_default());
        }
        Kind::Time => {
            let time = value.as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
            let time = time.filter(|time| is_storable(*time)).ok_or_else(|| {
                wrong(format!(
                    "{} is compared with a time like 2026-01-31T09:00:00Z",
                    attribute.name
                ))
            })?;
            place.push(sql);
            sql.push(symbol(op)).push_bind(time);
        }
        _ => text(sql, place, attribute.exact, op, value.as_str().unwrap_or_default()),
    }
    Ok(())
}

fn symbol(op: Op) -> &'static str {
    match op {
        Op::Ne => " IS DISTINCT FROM ",
        Op::Gt => " > ",
        Op::Ge => " >= ",
        Op::Lt => " < ",
        Op::Le => " <= ",
        Op::Eq | Op::Co | Op::Sw | Op::Ew => " = ",
    }
}

fn text(sql: &mut QueryBuilder<Postgres>, place: &Place, exact: bool, op: Op, value: &str) {
    let (open, close) = if exact { ("", "") } else { ("lower(", ")") };
    let have = |sql: &mut QueryBuilder<Postgres>| {
        sql.push(open);
        place.push(sql);
        sql.push(close);
    };
    let wanted = |sql: &mut QueryBuilder<Postgres>| {
        sql.push(open).push_bind(value.to_owned()).push("::text").push(close);
    };
    match op {
        Op::Ne => {
            have(sql);
            sql.push(symbol(op));
            wanted(sql);
        }
        // As the unique index has it, so that a name is found by it.
        Op::Eq => {
            sql.push("(");
            have(sql);
            sql.push(" = ");
            wanted(sql);
            sql.push(" AND ");
            have(sql);
            sql.push(" IS NOT NULL)");
        }
        Op::Gt | Op::Ge | Op::Lt | Op::Le => {
            sql.push("coalesce(");
            have(sql);
            sql.push(" COLLATE \"C\"").push(symbol(op));
            wanted(sql);
            sql.push(", false)");
        }
        Op::Co => {
            sql.push("coalesce(position(");
            wanted(sql);
            sql.push(" IN ");
            have(sql);
            sql.push(") > 0, false)");
        }
        Op::Sw => {
            sql.push("coalesce(starts_with(");
            have(sql);
            sql.push(", ");
            wanted(sql);
            sql.push("), false)");
        }
        Op::Ew => {
            sql.push("coalesce(right(");
            have(sql);
            sql.push(", char_length(");
            wanted(sql);
            sql.push(")) = ");
            wanted(sql);
            sql.push(", false)");
        }
    }
}
