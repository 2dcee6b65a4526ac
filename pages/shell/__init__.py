"""Parts that several pages share: the bar, choosers, tables, charts and notices."""
