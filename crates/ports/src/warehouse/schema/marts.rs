//! The marts in the words of each warehouse.
//!
//! `marts.sql` is one text. What the two have no common word for is spelled here: the number of a day and the date of a
//! number (day 0 is 1970-01-01), the names of types of time, and how a view is made again. What several marts share and
//! no view may hold for them is spelled here too: what the table `products` says of a product, which days are its calendar, and how
//! coarse a place is.

/// The text that both are made from.
const MARTS: &str = include_str!("../marts.sql");

/// The marts' names, in the order of their definition.
pub fn names() -> impl Iterator<Item = &'static str> {
    MARTS.lines().filter_map(|line| line.strip_prefix("CREATE VIEW ")?.split_whitespace().next())
}

/// What `products` says of the rows of `subquery`: the row of their host first, then one for any host. Each join finds
/// one row at most. In SQLite the table's key sees to that, and finds the row: SQLite makes no index for a join to a
/// subquery whose rows it takes to be few.
fn join_products(subquery: &str) -> String {
    let join = |name: &str, host: &str| {
        format!(
            "LEFT JOIN products AS {name} ON {name}.product_id = {subquery}.product_id
                        AND COALESCE({name}.url_host, '') = {host}"
        )
    };
    format!("{}\n{}", join("of_host", &format!("{subquery}.url_host")), join("of_any_host", "''"))
}

/// The same for Redshift, which holds no key to be unique: whatever an analyst has filled in, no row is duplicated.
fn join_grouped_products(subquery: &str) -> String {
    let columns = ["name", "brand", "category"].map(|name| format!("MAX({name}) AS {name}")).join(", ");
    format!(
        "LEFT JOIN (
  SELECT product_id, url_host, {columns}
  FROM products
  WHERE url_host <> ''
  GROUP BY product_id, url_host
) AS of_host ON of_host.product_id = {subquery}.product_id AND of_host.url_host = {subquery}.url_host
LEFT JOIN (
  SELECT product_id, {columns}
  FROM products
  WHERE COALESCE(url_host, '') = ''
  GROUP BY product_id
) AS of_any_host ON of_any_host.product_id = {subquery}.product_id"
    )
}

/// The mean of a column of degrees, to a hundredth: about a kilometre, so that a group of one scan does not say where its
/// photo was taken. `ROUND` to a whole number is the one that both have for floats.
pub fn coarse_mean(degrees: &str) -> String {
    format!("CAST(ROUND(AVG({degrees}) * 100) / 100 AS DOUBLE PRECISION)")
}

/// The days of a product's calendar, its last with a scan included. One photo of a camera whose clock is wrong by years
/// must not make them decades; times after the upload are refused where photos are read, so the last day is a true one.
pub const CALENDAR_DAYS: u32 = 366;

/// The days with scans of each product within its calendar, apart by the column `by` if one is named.
fn product_days(by: &str) -> String {
    let by = if by.is_empty() { String::new() } else { format!("{by}, ") };
    format!(
        "(
  SELECT {by}product_id, url_host, day, scans
  FROM (
    SELECT {by}product_id, url_host, day, scans, MAX(day) OVER (PARTITION BY product_id, url_host) AS last_day
    FROM (
      SELECT {by}product_id, url_host, DAY_OF(local_date) AS day, COUNT(*) AS scans
      FROM scans
      WHERE product_id IS NOT NULL AND local_date IS NOT NULL
      GROUP BY {by}product_id, url_host, local_date
    ) AS counted
  ) AS dated
  WHERE day > last_day - {CALENDAR_DAYS}
)"
    )
}

/// The text with the words that mean the same in both.
fn common() -> String {
    calls(&calls(MARTS, "COARSE_MEAN(", coarse_mean), "PRODUCT_DAYS(", product_days)
}

/// The marts as a script for SQLite. It has no types of time: they are text in the form of its own functions. A view
/// that an analyst built on a mart survives DROP and CREATE: SQLite looks at what a view names when it is asked.
pub fn sqlite() -> String {
    let text = calls(&common(), "JOIN_PRODUCTS(", join_products);
    let text = calls(&text, "DAY_OF(", |day| format!("CAST(julianday({day}) - 2440587.5 AS INTEGER)"));
    let text = calls(&text, "DATE_OF(", |number| format!("date(({number}) * 86400, 'unixepoch')"));
    [" AS DATE)", " AS TIMESTAMP)", " AS TIMESTAMPTZ)"].iter().fold(text, |text, kind| text.replace(kind, " AS TEXT)"))
}

/// The marts as a script for Redshift. Replaced and not dropped, a view keeps its grants and the views built on it.
pub fn redshift() -> String {
    let text = calls(&common(), "JOIN_PRODUCTS(", join_grouped_products);
    let text = calls(&text, "DAY_OF(", |day| format!("({day} - CAST('1970-01-01' AS DATE))"));
    let text = calls(&text, "DATE_OF(", |number| format!("DATEADD(day, {number}, CAST('1970-01-01' AS DATE))"));
    let lines = text.lines().filter(|line| !line.starts_with("DROP VIEW "));
    let mut script = String::with_capacity(text.len());
    for line in lines {
        script.push_str(&line.replacen("CREATE VIEW ", "CREATE OR REPLACE VIEW ", 1));
        script.push('\n');
    }
    script
}

/// `text` with each call that begins with `name` spelled otherwise. Arguments hold no parentheses.
fn calls(text: &str, name: &str, spell: impl Fn(&str) -> String) -> String {
    let mut parts = text.split(name);
    let mut spelled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(')') {
            Some((argument, rest)) => {
                spelled.push_str(&spell(argument));
                spelled.push_str(rest);
            }
            None => {
                spelled.push_str(name);
                spelled.push_str(part);
            }
        }
    }
    spelled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::schema::VERSION;

    #[test]
    fn the_text_uses_nothing_that_one_warehouse_alone_has() {
        let code: String =
            MARTS.lines().map(|line| line.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
        for banned in
            ["julianday", "strftime", "datediff", "date_trunc", "getdate", "iif(", "ifnull(", "nvl(", "total(", "::"]
        {
            assert!(!code.to_lowercase().contains(banned), "`{banned}` is not portable");
        }
        for statement in code.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
            assert!(
                statement.starts_with("DROP VIEW IF EXISTS ") || statement.starts_with("CREATE VIEW "),
                "{statement}"
            );
        }
        assert!(MARTS.contains(&format!("SELECT CAST({VERSION} AS BIGINT) AS schema_version")));
    }

    #[test]
    fn each_word_is_spelled_for_each_warehouse() {
        for text in [sqlite(), redshift()] {
            assert!(
                !["DAY_OF(", "DATE_OF(", "JOIN_PRODUCTS(", "COARSE_MEAN(", "PRODUCT_DAYS("]
                    .iter()
                    .any(|word| text.contains(word)),
                "{text}"
            );
            assert_eq!(text.matches("VIEW mart_").count() % MARTS.matches("CREATE VIEW mart_").count(), 0);
        }
        assert!(!sqlite().contains("AS DATE)") && !sqlite().contains("AS TIMESTAMP"));
        assert!(!redshift().contains("DROP VIEW") && !redshift().contains("\nCREATE VIEW"));
    }
}
