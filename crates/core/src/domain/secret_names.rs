//! Names of parameters whose value is a secret.
//!
//! The lists hold what the scrubbers of error reporters hide by default (Sentry's SDKs and Relay, Rails, Rollbar), the
//! session ids of common frameworks, and the parameters of signed addresses (AWS, Google Cloud, Azure, CloudFront,
//! Akamai).

use percent_encoding::percent_decode_str;

/// Words that make a name secret wherever they are in it: `access_token`, `tokenValue`, `my.session`.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "apikey", "assertion", "auth", "authentication", "authorization", "authtoken", "bearer", "certificate", "cookie",
    "cookies", "credential", "credentials", "creds", "crypt", "csrf", "csrftoken", "cvc", "cvv", "jwt", "kennwort",
    "mfa", "oauth", "otp", "passcode", "passphrase", "passwd", "password", "passwords", "passwort", "psk", "pswd",
    "pwd", "saml", "secret", "secrets", "sess", "sessid", "session", "sessionid", "signature", "ssn", "sso", "token",
    "totp", "xsrf",
];

/// Words that make a name secret when it ends in them: `user_pass`, `connect.sid`, `x_api_key`.
const LAST_WORDS: &[&str] = &["key", "keys", "pass", "pin", "pw", "sid", "sig"];

/// Words before a `key` that opens nothing: of a table, a list or a form.
const OPEN_KEYS: &[&str] = &["arrow", "filter", "foreign", "item", "primary", "search", "sort", "sorting"];

/// Words that name a secret in one place and something open in another: a course, a ticket, a product. A name of such words
/// alone, and a `key` of such a thing, is secret unless its value is a plain word.
const AMBIGUOUS: &[&str] = &["pass", "sess", "session"];

/// What may have a `key` that is open, or one that is a licence: the value tells.
#[rustfmt::skip]
const AMBIGUOUS_KEYS: &[&str] = &[
    "cache", "category", "event", "group", "label", "product", "row", "template", "theme",
];

/// What a name run together ends in: `accesstoken`, `userpassword`.
#[rustfmt::skip]
const ENDINGS: &[&str] = &[
    "accesskey", "apikey", "appkey", "authkey", "clientkey", "consumerkey", "credential", "credentials", "csid",
    "encryptionkey", "jwt", "keyid", "licensekey", "masterkey", "passcode", "passkey", "passphrase", "passwd",
    "password", "passwort", "privatekey", "privkey", "pwd", "resourcekey", "samlart", "seckey", "secret", "secretkey",
    "securitykey", "sessid", "sessionid", "sharedkey", "signature", "signkey", "subscriptionkey", "token",
];

/// What a name run together holds: `JSESSIONIDSSO`, `ASPSESSIONIDQQABCDEF`, `AWSAccessKeyId`.
#[rustfmt::skip]
const PARTS: &[&str] = &[
    "accesscode", "accesskey", "apikey", "authcode", "csrf", "passw", "privatekey", "sessid", "sessionid",
    "verificationcode", "wordpressloggedin", "xsrf",
];

/// What a `pass`, a `pw` or a `code` opens, in a name run together: `loginpass`, `rootpw`, `recoveryCode`. A postal code is
/// called `pincode` in India, so that is none.
#[rustfmt::skip]
const OPENED: &[&str] = &[
    "admin", "backup", "ftp", "guest", "invitation", "invite", "login", "mail", "master", "recovery", "root", "sec",
    "security", "smtp", "unlock", "wifi", "wlan",
];

/// Names that are secret as they are, run together.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "2fa", "activationcode", "adgangskode", "aspxauth", "autologin", "cardnumber", "ccnumber", "cfchltk", "cfid", "clave",
    "codeverifier", "confirmationcode", "confirmcode", "consumerid", "contrasena", "contraseña", "cred", "creditcard",
    "dbpass", "devicecode", "gda", "geslo", "googleaccessid", "haslo", "hasło", "hdnea", "hdntl", "hdnts", "heslo",
    "hmacsha256", "iban", "identity", "ipaddress", "jelszo", "jelszó", "katasandi", "keypem", "keyphrase",
    "loginhash", "losenord", "lozinka", "lösenord", "magiclink", "matkhau", "mdp", "mnemonic", "modsid", "motdepasse",
    "onetime", "onetimecode", "oobcode", "parola", "pkey", "policy", "psw", "puk", "recoveryphrase", "relaystate", "remoteaddr",
    "resetcode", "rlkey", "salasana", "salt", "securitycode", "seedphrase", "senha", "sesskey", "setcookie", "sifre",
    "slaptazodis", "symfony", "usercode", "usercred", "userpass", "wachtwoord", "wpa", "wresult", "xforwardedfor",
    "xrealip", "zenid", "şifre", "пароль", "パスワード", "密码", "密碼", "비밀번호",
];

/// What an Azure shared access signature or a CloudFront policy is made of. Each is an ordinary name without one.
#[rustfmt::skip]
const SIGNED_NAMES: &[&str] = &[
    "expires", "keypairid", "saoid", "scid", "sdd", "se", "ses", "si", "sip", "ske", "skoid", "sks", "skt", "sktid",
    "skv", "sp", "spr", "sr", "srt", "ss", "st", "suoid", "sv",
];

/// Names of a secret where the value looks drawn at random: otherwise it is a word like any other.
#[rustfmt::skip]
const OPAQUE_NAMES: &[&str] = &[
    "hmac", "key", "loginticket", "magic", "nonce", "pgtid", "private", "seed", "serviceticket", "sign", "signed", "ticket",
    "wpnonce",
];

/// Whether a parameter of this name holds a secret. Case, punctuation and escapes do not hide it.
pub fn is_secret_name(name: &str) -> bool {
    if name.is_empty() || name.len() > 1_000 {
        return false;
    }
    let mut plain = name.to_owned();
    for _ in 0..3 {
        if !plain.contains('%') {
            break;
        }
        plain = percent_decode_str(&plain).decode_utf8_lossy().into_owned();
    }
    let plain = own_name(&plain);
    let compact = compact(plain);
    if NAMES.contains(&compact.as_str())
        || ENDINGS.iter().any(|ending| compact.ends_with(ending))
        || PARTS.iter().any(|part| compact.contains(part))
        || ["pass", "pw", "code"]
            .iter()
            .any(|end| compact.strip_suffix(end).is_some_and(|opened| OPENED.iter().any(|word| opened.ends_with(word))))
        || compact.starts_with("xamz")
        || compact.starts_with("xgoog")
    {
        return true;
    }
    let words = words(plain);
    let Some((last, before)) = words.split_last() else { return false };
    // A mere `key` may be any key.
    let is_open = last.starts_with("key") && before.last().is_some_and(|word| OPEN_KEYS.contains(&word.as_str()));
    // India's postal code is one word.
    let is_pin_code = last == "code" && before.last().is_some_and(|word| word == "pin");
    is_pin_code
        || LAST_WORDS.contains(&last.as_str())
            && !is_open
            && !(last.starts_with("key") && before.is_empty() && compact.len() == plain.len())
        || words.iter().any(|word| WORDS.contains(&word.as_str()))
}

/// The name without what is before it: `amp;` is left of a link copied from HTML, and in odd places other signs part
/// parameters too.
fn own_name(name: &str) -> &str {
    name.rsplit([';', '&', ',']).next().unwrap_or_default()
}

/// Whether a parameter holds a secret, by its name and, where the name may be that of an open thing, by its value.
pub fn is_secret_parameter(name: &str, value: &str) -> bool {
    is_secret_name(name) && !(is_plain(value) && is_ambiguous_name(name)) || is_short_pin(name, value)
}

/// `pincode` is a postal code of six digits in India, and a secret number elsewhere.
fn is_short_pin(name: &str, value: &str) -> bool {
    compact(own_name(name)) == "pincode"
        && value.len() != 6
        && !value.is_empty()
        && value.bytes().all(|digit| digit.is_ascii_digit())
}

fn is_ambiguous_name(name: &str) -> bool {
    let words = words(own_name(name));
    match words.as_slice() {
        // Bought once, or used once.
        [one, time] if one == "one" && time == "time" => true,
        [word] if word == "onetime" => true,
        [word] => AMBIGUOUS.contains(&word.as_str()),
        [.., thing, key] if key == "key" => AMBIGUOUS_KEYS.contains(&thing.as_str()),
        _ => false,
    }
}

/// A plain word, or one with a year: `vip`, `Summer2024`, `spring-2025`; or a single digit.
fn is_plain(value: &str) -> bool {
    if value.len() == 1 && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return true;
    }
    let word = value.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let is_year = matches!(value.get(word.len()..), Some(year) if year.is_empty() || year.len() == 4 && (year.starts_with("19") || year.starts_with("20")));
    let word = word.trim_end_matches(['-', '_']);
    let mut letters = word.bytes();
    let is_first = letters.next().is_some_and(|letter| letter.is_ascii_alphabetic());
    let rest: Vec<u8> = letters.collect();
    let is_cased = rest.iter().all(u8::is_ascii_lowercase) || word.bytes().all(|letter| letter.is_ascii_uppercase());
    is_year && is_first && is_cased && word.len() <= 12
}

/// Whether a parameter is secret only because of those it is with.
pub fn is_secret_in_group(name: &str, is_oauth_return: bool, is_signed: bool) -> bool {
    let name = own_name(name);
    is_oauth_return && name.eq_ignore_ascii_case("code") || is_signed && SIGNED_NAMES.contains(&compact(name).as_str())
}

/// Whether a parameter is secret where its value looks drawn at random: otherwise it is a word like any other.
pub fn is_secret_if_opaque(name: &str) -> bool {
    let name = own_name(name);
    OPAQUE_NAMES.contains(&compact(name).as_str())
}

/// Whether a parameter is what makes an address a signed one.
pub fn is_signature_name(name: &str) -> bool {
    let compact = compact(name);
    compact == "sig" || compact.ends_with("signature")
}

fn compact(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The words of a name, lower case, without digits at their end: `userAccessToken2` gives `user`, `access`, `token`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut before = ' ';
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        let next_is_lower = letters.peek().is_some_and(|next| next.is_lowercase());
        let begins = letter.is_uppercase() && (before.is_lowercase() || (before.is_uppercase() && next_is_lower));
        if begins || !letter.is_alphanumeric() {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    let trimmed = words.into_iter().map(|word| word.trim_end_matches(|digit: char| digit.is_ascii_digit()).to_owned());
    trimmed.filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_hold_secrets() {
        for name in [
            // Sentry's default list
            "password",
            "passwd",
            "secret",
            "api_key",
            "apikey",
            "auth",
            "credentials",
            "mysql_pwd",
            "privatekey",
            "private_key",
            "token",
            "ip_address",
            "session",
            "csrftoken",
            "sessionid",
            "remote_addr",
            "x_csrftoken",
            "x_forwarded_for",
            "set_cookie",
            "cookie",
            "authorization",
            "x_api_key",
            "x_real_ip",
            "aiohttp_session",
            "connect.sid",
            "csrf_token",
            "csrf",
            "_csrf",
            "_csrf_token",
            "PHPSESSID",
            "_session",
            "symfony",
            "user_session",
            "_xsrf",
            "XSRF-TOKEN", // Rails, Rollbar
            "password_confirmation",
            "_key",
            "my_key",
            "salt",
            "otp",
            "ssn",
            "cvv",
            "cvc",
            "confirm_password",
            "access_token",
            "client_secret", // sessions
            "JSESSIONID",
            "jsessionid",
            "ASP.NET_SessionId",
            "ASPSESSIONIDQQABCDEF",
            "sid",
            "osCsid",
            "CFID",
            "CFTOKEN",
            ".ASPXAUTH",
            "__RequestVerificationToken",
            "laravel_session",
            "PHPSESSID2", // words
            "passwort",
            "Kennwort",
            "pw",
            "user_pw",
            "pass",
            "dbPass",
            "pin",
            "pwd",
            "userPassword",
            "userpassword",
            "accessToken",
            "refresh-token",
            "idToken",
            "token2",
            "jwt",
            "APIKey",
            "appKey",
            "subscription-key",
            "auth_token",
            "user[password]",
            "data.token",
            "api%5Fkey",
            "amp;sig",
            "a;token",
            "SAMLResponse",
            "authcode",
            "contraseña",
            "client_assertion",
            "licensekey", // signed addresses
            "X-Amz-Signature",
            "X-Amz-Credential",
            "X-Amz-Security-Token",
            "X-Amz-Date",
            "X-Goog-Signature",
            "Signature",
            "Policy",
            "sig",
            "AWSAccessKeyId",
            "GoogleAccessId",
            "hdnts",
            // Rails and Datadog
            "user_passw",
            "my_crypt",
            "client_certificate",
            "app-key-id",
            "consumer_id",
            // one-time codes of sign-ins
            "code_verifier",
            "device_code",
            "user_code",
            "activation_code",
            "confirmation_code",
            "reset_code",
            // session ids of Moodle, modified and WordPress
            "sesskey",
            "MODsid",
            "wordpress_logged_in_3f2a",
            // run together, and what restores an account
            "loginpass",
            "rootpw",
            "guestpass",
            "sec_code",
            "recoveryCode",
            "backup_code",
            "unlock_code",
            "invite_code",
            "2fa",
            "puk",
            "mnemonic",
            "seed_phrase",
            "pkey",
            "key_pem",
            "keyphrase",
            "user_cred",
            "hmac_sha256",
            "autologin",
            "magic_link",
            "RelayState",
            "pin_code",
            "user-pin-code",
            "onetime",
            "one_time",
            "privkey",
            // other languages
            "adgangskode",
            "salasana",
            "heslo",
            "jelszó",
            "şifre",
            "密碼",
            "비밀번호",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn a_plain_word_under_an_ambiguous_name_is_no_secret() {
        for (name, value) in [
            ("session", "summer2024"),
            ("session", "Keynote"),
            ("pass", "vip"),
            ("pass", "DAY"),
            ("product_key", "shirt"),
            ("productKey", "spring-2025"),
            ("group_key", "red"),
        ] {
            assert!(!is_secret_parameter(name, value), "{name}={value}");
        }
        for (name, value) in [
            ("session", "a1b2c3"),
            ("session", ""),
            ("session", "summerevening2024x"),
            ("pass", "vip7"),
            ("pass", "hUnter"),
            ("product_key", "VK7JG-NPHTM-C97JM"),
            ("api_key", "vip"),
            ("password", "vip"),
            ("user_session", "vip"),
            ("sessionid", "vip"),
            ("token", "vip"),
        ] {
            assert!(is_secret_parameter(name, value), "{name}={value}");
        }
    }

    #[test]
    fn lists_are_sorted() {
        for list in [
            WORDS,
            LAST_WORDS,
            OPEN_KEYS,
            AMBIGUOUS,
            AMBIGUOUS_KEYS,
            ENDINGS,
            PARTS,
            OPENED,
            NAMES,
            SIGNED_NAMES,
            OPAQUE_NAMES,
        ] {
            assert!(list.is_sorted_by(|one, next| one < next), "{list:?}");
        }
    }

    #[test]
    fn names_that_do_not() {
        for name in [
            "",
            "id",
            "sku",
            "key",
            "keyword",
            "monkey",
            "author",
            "tokens_left",
            "pinned",
            "design",
            "code",
            "se",
            "sp",
            "side",
            "color",
            "passenger",
            "signal",
            "size",
            "state",
            "assid_uous",
            "utm_source",
            "article",
            "compass",
            "spinner",
            "authors",
            "secretary",
            "product",
            "pincode",
            "bypass",
            "zipcode",
            "promo_code",
            "discountCode",
            "seed",
            "private",
            "credit",
            "country_code",
            "sign",
            "hash",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
