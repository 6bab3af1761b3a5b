//! The rungs of the decode ladder by name: a closed list, so that it can be a metric label.

crate::closed_list! {
    /// A rung: a reader at a picture of some size, in the order they run. The name is in rows and metrics.
    RungName {
        /// zxing, at 500 pixels.
        Zxing500 = "zxing_500",
        /// The native reader, at 800 pixels.
        Native800 = "native_800",
        /// zxing, at 1000 pixels.
        Zxing1000 = "zxing_1000",
        /// zxing, at a small picture made larger.
        ZxingLarge = "zxing_large",
        /// The native reader, blurred, at 800 pixels.
        NativeBlur800 = "native_blur_800",
        /// The native reader, for codes made into art, at 250 pixels.
        NativeArt250 = "native_art_250",
        /// zxing, at 125 pixels.
        Zxing125 = "zxing_125",
        /// The native reader, for codes made into art, at 400 pixels.
        NativeArt400 = "native_art_400",
        /// The native reader, by two finder patterns, at 800 pixels.
        NativeTwoFinders800 = "native_two_finders_800",
        /// The native reader, at 1600 pixels.
        Native1600 = "native_1600",
        /// The native reader, by two finder patterns, at 1600 pixels.
        NativeTwoFinders1600 = "native_two_finders_1600",
        /// zxing, at 2000 pixels.
        Zxing2000 = "zxing_2000",
        /// The native reader, on bent paper, at 1600 pixels.
        NativeCurved1600 = "native_curved_1600",
        /// The native reader, in shadow, at 800 pixels.
        NativeShadow800 = "native_shadow_800",
        /// zxing, at every pixel, and second looks at parts.
        ZxingFull = "zxing_full",
        /// `rqrr`, at 800 pixels.
        Rqrr800 = "rqrr_800",
        /// All of them, at the opacity of a photo.
        Opacity = "opacity",
        /// All of them, at its redness.
        Redness = "redness",
        /// All of them, at its blueness.
        Blueness = "blueness",
    }
}
