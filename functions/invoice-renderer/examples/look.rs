#![allow(warnings)]
use comptoir::{invoice::{Invoice, InvoiceNumber, draft::draft, print}, sale::*, seller::*, testing::*};
use invoice_renderer::render::*;
fn main(){
    let day = jiff::civil::date(2026,11,21);
    let out = std::env::args().nth(1).unwrap();
    let t0=std::time::Instant::now();
    let templates = Templates::read(std::path::Path::new("/work/main/infra/templates")).unwrap();
    let look = Seller::from_toml(STANDARD_TOML).unwrap().look;
    let r = Renderer::new(templates.clone(), &look).unwrap();
    println!("init {:?}", t0.elapsed());
    let mk = |toml:&str, f:&dyn Fn(&mut Sale)| { let seller=Seller::from_toml(toml).unwrap(); let mut s=sale(); f(&mut s); s.total=s.lines.iter().map(|l|l.total).sum();
        let d=draft(&s,&seller,day).unwrap(); print::page(&Invoice{number:InvoiceNumber("2026-11-0042".into()),issued_on:day,draft:d}, &seller.look)};
    let line=|d:&str,q,t,disc|SaleLine{description:d.into(),quantity:q,total:t,discount:disc,tax:None};
    let five=vec![line("Formation « Photographie argentique », niveau 1",1,24900,0),line("Tirage d’art 30 × 40 cm, papier baryté, signé et numéroté, encadré sous verre antireflet",2,18000,2000),line("Pellicule Ilford HP5+ 400",10,9900,0),line("Frais de port, Colissimo suivi",1,890,0),line("Location de studio, demi-journée",3,1234500,15000)];
    let mut pages=vec![];
    pages.push(("one", mk(FRANCHISE_TOML,&|s|{s.livemode=true;})));
    pages.push(("five", mk(STANDARD_TOML,&|s|{s.lines=five.clone(); s.reference=Some("CMD-2026-1187".into());})));
    pages.push(("five_en", mk(STANDARD_TOML,&|s|{s.livemode=true;s.lines=five.clone();s.customer.language=Some("en".into()); s.customer.business_name=Some("Northwind Photographic Supplies and Equipment Company Limited".into()); })));
    pages.push(("sixty", mk(STANDARD_TOML,&|s|{s.livemode=true;s.lines=(1..=60).map(|n|line(&format!("Séance d’accompagnement individuel n° {n}"),1,100*n,0)).collect();})));
    let mut p=mk(STANDARD_TOML,&|s|{s.lines[0].description="Un très long libellé de produit avec des mots et encore des mots, jusqu’à ne plus tenir sur deux lignes de la colonne de désignation, voire trois".into();s.lines.push(line(&"W".repeat(60),3,1_234_567_890_12,0)); s.customer.name=Some("W".repeat(60));s.customer.business_name=Some("Association pour la promotion des métiers d’art en Occitanie".into()); s.customer.email=Some(format!("{}@sous-domaine.entreprise-exemple.fr","prenom.nom".repeat(5)));});
    p.seller="Établissements Montgomery-Featherstonehaugh & Fils, Héritiers".into(); p.reference=Some("X".repeat(60));
    pages.push(("names", p));
    pages.push(("hostile", mk(FRANCHISE_TOML,&|s|{s.customer.name=Some("مريم العلوي 山田 😀 Ελένη Наталія".into()); s.lines[0].description="#panic() $x$ abc\u{202e}fdp".into();})));
    for (n,p) in &pages { let t=std::time::Instant::now(); let b=r.render(p).unwrap(); println!("{n} {:?} {} bytes", t.elapsed(), b.len()); std::fs::write(format!("{out}/{n}.pdf"), b).unwrap(); }
    let mut ts=vec![]; for _ in 0..40 { let t=std::time::Instant::now(); r.render(&pages[1].1).unwrap(); ts.push(t.elapsed()); } ts.sort(); println!("warm five median {:?} p95 {:?}", ts[20], ts[38]);
}
