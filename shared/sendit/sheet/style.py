"""How the page looks: in the light and in the dark, on a desk and on a phone."""

STYLE = """
:root{color-scheme:light dark;--ink:#1b1f23;--paper:#fff;--faint:#57606a;--line:#d0d7de;--alarm:#9a3412}
@media (prefers-color-scheme:dark){
:root{--ink:#e6edf3;--paper:#0d1117;--faint:#9198a1;--line:#3d444d;--alarm:#fdba74}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.45 system-ui,sans-serif}
main{max-width:90rem;margin:0 auto;padding:1rem}
h1{font-size:1.5rem}h2{font-size:1.25rem;border-top:2px solid var(--line);padding-top:1rem;margin-top:2rem}
h3{font-size:1.1rem;margin-bottom:0}h4{font-size:1rem;margin-bottom:0}
h2,h3,h4,td,figcaption,.uid{overflow-wrap:anywhere}
.uid{margin:0;color:var(--faint);font:12px/1.4 ui-monospace,monospace}
table{border-collapse:collapse}caption{text-align:left;font-weight:600}
th,td{border-bottom:1px solid var(--line);padding:.25rem .75rem .25rem 0;text-align:left;vertical-align:top}
.unseen,.failed{border-left:4px solid var(--alarm);padding-left:.75rem}
ul{list-style:none;margin:.5rem 0;padding:0;display:flex;flex-wrap:wrap;gap:1rem}
li{width:256px;max-width:100%}figure{margin:0}
.picture{position:relative;max-width:100%;line-height:0}
.picture img{width:100%;height:auto}
.picture svg{position:absolute;inset:0;width:100%;height:100%;overflow:visible;fill:none}
path{vector-effect:non-scaling-stroke}
.under{stroke:#000;stroke-width:4px}.over{stroke:#ff0;stroke-width:2px}
figcaption{font-size:.85rem;margin-top:.25rem}
@media print{section{break-inside:avoid}}
""".strip()
