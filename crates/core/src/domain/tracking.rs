//! Parameters that name the click, the campaign or the visitor, and never the page.
//!
//! The names are those that the global rules of ClearURLs, Brave's and Firefox's lists and AdGuard's list of tracking
//! parameters have in common; what only one shop uses is not here, for elsewhere it may be an id.

/// Names, lower case.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "__hsfp", "__hssc", "__hstc", "__s", "_branch_match_id", "_branch_referrer", "_bhlid", "_ga", "_gac", "_gl",
    "_hsenc", "_hsmi", "_kx", "_ke", "_openstat", "_sgm_action", "_sgm_campaign", "_sgm_pinned", "_sgm_source",
    "_sgm_term", "action_object_map", "action_ref_map", "action_type_map", "adfrom", "adposition", "at_recipient_id",
    "bbeml", "beacon", "campaignid", "adgroupid", "cjdata", "cjevent", "ck_subscriber_id", "cmpid", "cndid", "cuid",
    "cvid", "dclid", "dicbo", "dm_i", "ef_id", "elqtrack", "elqtrackid", "epik", "et_rid", "fb_action_ids",
    "fb_action_types", "fb_comment_id", "fb_ref", "fb_source", "fbclid", "ga_campaign", "ga_content", "ga_medium",
    "ga_place", "ga_source", "ga_term", "gbraid", "gclid", "gclsrc", "gdffi", "gdfms", "gdftrk", "gps_adid", "gs_l",
    "guccounter", "guce_referrer", "guce_referrer_sig", "hmb_campaign", "hmb_medium", "hmb_source", "hsctatracking",
    "icid", "igsh", "igshid", "irclickid", "irgwc", "itm_campaign", "itm_content", "itm_medium", "itm_source",
    "itm_term", "li_fat_id", "mbid", "mibextid", "mkcid", "mkevt", "mkrid", "mkt_tok", "mkwid", "ml_subscriber",
    "ml_subscriber_hash", "msclkid", "msockid", "ncid", "ndclid", "ns_campaign", "ns_fee", "ns_linkname",
    "ns_mchannel", "ns_source", "nr_email_referer", "ob_click_id", "oft_c", "oft_ck", "oft_d", "oft_id", "oft_ids",
    "oft_k", "oft_lk", "oft_sid", "oly_anon_id", "oly_enc_id", "os_ehash", "otc", "pcrid", "qclid", "rb_clickid",
    "rdt_cid", "s_cid", "s_kwcid", "sc_campaign", "sc_channel", "sc_cid", "sc_content", "sc_country", "sc_customer",
    "sc_eh", "sc_geo", "sc_llid", "sc_lid", "sc_medium", "sc_outcome", "sc_uid", "sccid", "sclid", "scclid",
    "sfmc_activityid", "sfmc_id", "sms_click", "sms_source", "sms_uph", "spjobid", "spmailingid", "spreportid",
    "spuserid", "srsltid", "ss_email_id", "stm_medium", "stm_source", "sxsrf", "tblci", "toolid", "trk", "trkcampaign",
    "tt_content", "tt_medium", "ttclid", "tw_campaign", "tw_source", "twclid", "twsrc", "unicorn_click_id",
    "uta_campaign", "vero_conv", "vero_id", "vgo_ee", "wbraid", "wickedid", "wprov", "wt_mc", "wt_zmc", "xtor",
    "yclid", "ymclid", "ysclid", "zanpid",
];

/// What the names of a whole family begin with.
const BEGINNINGS: &[&str] =
    &["at_campaign", "at_custom", "at_medium", "gad_", "hsa_", "matomo_", "mc_", "mtm_", "piwik_", "pk_", "utm_"];

/// Whether the parameter follows the visitor. `name` is lower case.
pub fn is_tracking(name: &str) -> bool {
    NAMES.contains(&name) || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_and_tell_clicks_from_pages() {
        assert!(NAMES.iter().chain(BEGINNINGS).all(|name| name.to_ascii_lowercase() == *name));
        for name in
            ["utm_source", "utm_id", "gad_campaignid", "__hsfp", "mtm_kwd", "pk_campaign", "mc_cid", "_gl", "srsltid"]
        {
            assert!(is_tracking(name), "{name}");
        }
        for name in ["id", "sku", "v", "variant", "page", "color", "ref", "source", "q", "mcid", "pkid", "lang"] {
            assert!(!is_tracking(name), "{name}");
        }
    }
}
