//! Renders one page with names in every script that has a font, for visual review: `cargo run -p invoice-renderer
//! --example preview -- scripts out.pdf JP`. The second argument is the buyer's country.
#![allow(clippy::unwrap_used, reason = "for the person who looks at it")]

use std::process::ExitCode;

use comptoir::{
    billing::draft::draft,
    invoice::{Invoice, print},
    numbering::InvoiceNumber,
    sale::SaleLine,
    seller::Seller,
    testing::{STANDARD_TOML, sale, words},
};
use invoice_renderer::render::{Renderer, Templates};
use jiff::civil::date;

const NAMES: [&str; 26] = [
    "Zoé Lefèvre",
    "山田太郎 株式会社髙橋 さくら カナ",
    "骨直刃返 张伟 王秀英",
    "陳大文 諸葛亮",
    "김철수 주식회사 한국",
    "राजेश कुमार श्रीवास्तव",
    "สมชาย ใจดี น้ำ",
    "সুমন চট্টোপাধ্যায়",
    "தமிழ்ச்செல்வன்",
    "తెలుగు శ్రీనివాస్",
    "ಕನ್ನಡ ಶ್ರೀನಿವಾಸ",
    "മലയാളം ശ്രീ",
    "ગુજરાતી શ્રી",
    "ਪੰਜਾਬੀ ਸਿੰਘ",
    "සිංහල ශ්‍රී",
    "ລາວ ສົມ",
    "ភាសាខ្មែរ",
    "မြန်မာ",
    "አማርኛ",
    "مريم العلوي",
    "שלום כהן",
    "Ελένη Παπαδοπούλου",
    "Наталія Ґедзь",
    "Հայկ Սարգսյան",
    "ნინო ქართველი",
    "Nguyễn Thị Ánh 😀 🎨 👩‍🎨 🚀",
];

pub fn main(arguments: &[String]) -> ExitCode {
    let mut arguments = arguments.iter().cloned();
    let out = arguments.next().unwrap_or_else(|| "scripts.pdf".to_owned());
    let country = arguments.next().unwrap_or_default();
    let latin = arguments.next().is_some();
    let mut sale = sale();
    let names = if latin { &NAMES[..1] } else { &NAMES[..] };
    let line = |name: &&str| SaleLine {
        description: (*name).to_owned(),
        quantity: 1.into(),
        total: 100,
        ..SaleLine::default()
    };
    sale.lines = names.iter().map(line).collect();
    sale.total = sale.lines.iter().map(|line| line.total).sum();
    let seller = Seller::from_toml(STANDARD_TOML).unwrap();
    let day = date(2026, 11, 21);
    let draft = draft(&sale, &seller, day).unwrap();
    let invoice = Invoice::new(InvoiceNumber("2026-11-0042".into()), day, draft);
    let mut page = print::page(&invoice, &seller.look, &words());
    page.buyer_country = country;
    if !latin {
        page.buyer = "山田太郎 राजेश Zoé สมชาย 김철수".to_owned();
    }
    let renderer = Renderer::new(Templates::embedded()).unwrap();
    let mut printed = renderer.print(&page, "<twin/>").unwrap();
    for _ in 0..100 {
        printed = renderer.print(&page, "<twin/>").unwrap();
    }
    println!("{:?}", printed.unprintable);
    std::fs::write(out, printed.pdf).unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in status.lines().filter(|line| line.starts_with("VmHWM") || line.starts_with("Rss")) {
        println!("{line}");
    }
    ExitCode::SUCCESS
}
