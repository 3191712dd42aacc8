//! The pages for customers: Checkout, the portal, and an invoice to pay or confirm.
