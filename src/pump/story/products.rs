//! What the story's people photograph: products, and the addresses printed in their codes.
//!
//! The expected values stand here as literals beside the printed address. They are worked out by hand from the column
//! definitions, so that comparing them with the warehouse checks the engine instead of repeating it.

use super::Utm;

/// A product and its printed address.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Product {
    /// Its name, for people and on the label.
    pub name: &'static str,
    /// The address in the code on the pack, exactly as printed.
    pub url: &'static str,
    /// Expected `product_url`, whatever tracking parameters a placement adds.
    pub product_url: &'static str,
    /// Expected `product_id`.
    pub product_id: &'static str,
    /// Expected `gtin`.
    pub gtin: Option<&'static str>,
}

/// Products by popularity: the n-th has Zipf weight 1/n^0.9. Hosts are of the reserved `.example` domain and GTINs of
/// prefix 952, which GS1 keeps for examples.
pub const PRODUCTS: &[Product] = &[
    Product {
        name: "AURORA LAMP",
        url: "https://id.lumen.example/01/09521000000018",
        product_url: "https://id.lumen.example/01/09521000000018",
        product_id: "09521000000018",
        gtin: Some("09521000000018"),
    },
    Product {
        name: "COLD BREW",
        url: "https://qr.kaltbrau.example/01/09521000000124/10/L2603?17=270331",
        product_url: "https://qr.kaltbrau.example/01/09521000000124/10/L2603?17=270331",
        product_id: "09521000000124",
        gtin: Some("09521000000124"),
    },
    Product {
        name: "TRAIL 28",
        url: "https://www.nordpfad.example/p/trail-28",
        product_url: "https://www.nordpfad.example/p/trail-28",
        product_id: "trail-28",
        gtin: None,
    },
    // Upper case keeps a code small (alphanumeric mode); scheme and host are the same in either case.
    Product {
        name: "STRIDE ONE",
        url: "HTTPS://GO.STRIDE.EXAMPLE/01/09521000000339",
        product_url: "https://go.stride.example/01/09521000000339",
        product_id: "09521000000339",
        gtin: Some("09521000000339"),
    },
    Product {
        name: "ARCADE CASE",
        url: "https://shop.arcade.example/dp/B0CASE7X21",
        product_url: "https://shop.arcade.example/dp/B0CASE7X21",
        product_id: "B0CASE7X21",
        gtin: None,
    },
    Product {
        name: "BLUE HOUR",
        url: "https://visit.museum.example/exhibits/blue-hour",
        product_url: "https://visit.museum.example/exhibits/blue-hour",
        product_id: "blue-hour",
        gtin: None,
    },
    // Default port, and a query that is not in order.
    Product {
        name: "ROADSTER 9",
        url: "https://velo.example:443/p/roadster-9?size=54&color=blue",
        product_url: "https://velo.example/p/roadster-9?color=blue&size=54",
        product_id: "roadster-9",
        gtin: None,
    },
    // Percent escapes in lower case.
    Product {
        name: "NOISETTE",
        url: "https://www.cafelune.example/caf%c3%a9/p/noisette-12",
        product_url: "https://www.cafelune.example/caf%C3%A9/p/noisette-12",
        product_id: "noisette-12",
        gtin: None,
    },
    // A fragment, and a path before the GTIN.
    Product {
        name: "DERMA SERUM",
        url: "https://pure.example/derma/01/09521000000445/21/S7788#how-to-use",
        product_url: "https://pure.example/derma/01/09521000000445/21/S7788",
        product_id: "09521000000445",
        gtin: Some("09521000000445"),
    },
    // A host that is not ASCII, in a byte-mode code without character set.
    Product {
        name: "ROMAN 7",
        url: "https://bücher.example/p/roman-7",
        product_url: "https://xn--bcher-kva.example/p/roman-7",
        product_id: "roman-7",
        gtin: None,
    },
    // A GTIN-13 where 14 digits should stand.
    Product {
        name: "SALTY STICKS",
        url: "https://snack.example/01/9521000000223",
        product_url: "https://snack.example/01/9521000000223",
        product_id: "09521000000223",
        gtin: Some("09521000000223"),
    },
    Product {
        name: "ROBO 3",
        url: "http://toys.example/p/robo-3",
        product_url: "http://toys.example/p/robo-3",
        product_id: "robo-3",
        gtin: None,
    },
];

/// The product of the launch.
pub const LAUNCHED: usize = 0;
/// The product of the regional campaign.
pub const CAMPAIGNED: usize = 1;

/// Where the code is printed; each place but the pack adds its tracking parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Placement {
    /// On the pack: the bare address.
    Pack,
    /// On a poster.
    Poster,
    /// In shop windows, during the launch.
    Launch,
    /// On the regional campaign's billboards.
    Campaign,
}

impl Placement {
    /// The query the placement adds.
    fn query(self) -> &'static str {
        match self {
            Placement::Pack => "",
            Placement::Poster => "utm_source=poster&utm_medium=print",
            Placement::Launch => "utm_source=window&utm_medium=retail&utm_campaign=aurora-launch",
            Placement::Campaign => "utm_source=billboard&utm_medium=ooh&utm_campaign=spring-dach",
        }
    }

    /// The columns that query must end in.
    pub fn utm(self) -> Utm {
        match self {
            Placement::Pack => Utm::default(),
            Placement::Poster => Utm { source: Some("poster".into()), medium: Some("print".into()), campaign: None },
            Placement::Launch => Utm {
                source: Some("window".into()),
                medium: Some("retail".into()),
                campaign: Some("aurora-launch".into()),
            },
            Placement::Campaign => Utm {
                source: Some("billboard".into()),
                medium: Some("ooh".into()),
                campaign: Some("spring-dach".into()),
            },
        }
    }
}

/// The text of the code for a product at a placement.
pub fn payload(product: &Product, placement: Placement) -> String {
    let (address, fragment) = match product.url.split_once('#') {
        Some((address, fragment)) => (address, Some(fragment)),
        None => (product.url, None),
    };
    let mut text = address.to_owned();
    if !placement.query().is_empty() {
        text.push(if address.contains('?') { '&' } else { '?' });
        text.push_str(placement.query());
    }
    if let Some(fragment) = fragment {
        text.push('#');
        text.push_str(fragment);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gtin_has_fourteen_digits_and_the_right_check_digit() {
        for product in PRODUCTS {
            let Some(gtin) = product.gtin else { continue };
            assert_eq!(gtin.len(), 14, "{}", product.name);
            let sum: u32 = gtin
                .chars()
                .enumerate()
                .map(|(place, digit)| digit.to_digit(10).unwrap() * if place % 2 == 0 { 3 } else { 1 })
                .sum();
            assert_eq!(sum % 10, 0, "{}", product.name);
        }
    }

    #[test]
    fn tracking_parameters_stand_before_the_fragment() {
        let serum = PRODUCTS.iter().find(|product| product.url.contains('#')).unwrap();
        assert_eq!(
            payload(serum, Placement::Poster),
            "https://pure.example/derma/01/09521000000445/21/S7788?utm_source=poster&utm_medium=print#how-to-use"
        );
        assert_eq!(payload(serum, Placement::Pack), serum.url);
    }
}
