"""The style sheet of the page, as text: there is no second file to lose. Contains no data."""

from __future__ import annotations

STYLE = """
:root{--bg:#fff;--fg:#1c2024;--dim:#667079;--line:#dfe3e7;--box:#f6f8fa;--fill:#3b7dd8;--ok:#1a7f4b;--no:#a15c00;
  --bad:#c02636;--in:#6b4fbb;--x:#ffe3e3;--w:#fff3cd;--ins:#dcf5e3;--del:#ffe5e5;font:15px/1.45 system-ui,sans-serif;
  color:var(--fg);background:var(--bg)}
@media(prefers-color-scheme:dark){
:root{--bg:#14171a;--fg:#e4e8eb;--dim:#98a2ab;--line:#2e353b;--box:#1c2126;--fill:#5b9bf0;--ok:#4cc38a;--no:#e2a336;
  --bad:#ff6d78;--in:#a78bfa;--x:#4a2226;--w:#45391a;--ins:#163a26;--del:#46201f}
}
*{box-sizing:border-box}
body{max-width:1280px;margin:0 auto;padding:24px 20px 80px}
h1{font-size:26px;margin:0}
h2{font-size:19px;margin:32px 0 8px}
h3{font-size:13px;margin:14px 0 6px;color:var(--dim);font-weight:600}
h3 small{font-weight:400}
.sub,.note,small{color:var(--dim)}
.sub{margin:2px 0 18px}
.note{font-size:13px;margin:8px 0;max-width:90ch}
.note b{color:var(--fg);font-weight:600}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th{font-size:12px;font-weight:500;color:var(--dim);text-align:left}
th,td{padding:4px 14px 4px 0;border-bottom:1px solid var(--line);vertical-align:top}
.means td:nth-child(n+3),.means th:nth-child(n+3),.figures td:nth-child(n+2),.figures th:nth-child(n+2){text-align:right}
.means td,.means th{vertical-align:middle;padding-right:22px}
.means td:first-child{white-space:nowrap}
.pairs thead{display:none}
.pairs td:first-child{white-space:nowrap}
.pairs td{font-size:13px;overflow-wrap:anywhere}
.ci{width:240px;height:16px;display:block}
.ci .t{fill:var(--line)}
.ci .f{fill:var(--fill);opacity:.75}
.ci path{stroke:var(--fg);stroke-width:1.5;fill:none}
.stack{width:100%;height:10px;display:block;margin-top:20px;border-radius:3px}
rect.ok{fill:var(--ok)}
rect.no{fill:var(--no)}
rect.bad{fill:var(--bad)}
rect.in{fill:var(--in)}
.chips{display:flex;flex-wrap:wrap;gap:6px;margin:8px 0 16px}
.v{font:12px/1.5 system-ui,sans-serif;border:1px solid;border-radius:10px;padding:0 8px;white-space:nowrap;background:none}
.v.ok{color:var(--ok)}
.v.no{color:var(--no)}
.v.bad{color:var(--bad)}
.v.in{color:var(--in)}
.js .chips button{cursor:pointer}
.box{border:1px solid var(--line);border-radius:6px;padding:8px 14px;margin:8px 0;background:var(--box)}
summary{cursor:pointer}
.box>table{display:block;overflow-x:auto;max-height:420px}
.box td{font-size:13px}
.three,.two{display:grid;gap:4px 28px;grid-template-columns:repeat(auto-fit,minmax(min(100%,380px),1fr))}
.three{grid-template-columns:repeat(auto-fit,minmax(min(100%,280px),1fr))}
.two>div{min-width:0}
div.js{display:none}
.js div.js{display:flex}
.tools{gap:10px;align-items:center;margin-bottom:8px;flex-wrap:wrap}
input,select{font:inherit;color:inherit;background:var(--box);border:1px solid var(--line);border-radius:6px;padding:5px 9px}
input{width:330px;max-width:100%}
.row{display:grid;grid-template-columns:minmax(150px,1fr) 160px 64px 64px 64px 76px 84px;gap:0 14px;align-items:center;
  padding:6px 10px}
.head{position:sticky;top:0;background:var(--bg);border-bottom:1px solid var(--line);z-index:1;font-size:12px;
  color:var(--dim)}
.head button{all:unset;text-align:right}
.head button:first-child{text-align:left}
.js .head button{cursor:pointer}
.head button[data-d="1"]:after{content:" \\2191"}
.head button[data-d="-1"]:after{content:" \\2193"}
.head button:focus-visible{outline:2px solid var(--fill)}
.f{border-bottom:1px solid var(--line);content-visibility:auto;contain-intrinsic-size:auto 48px}
.f[hidden]{display:none}
.f>summary{list-style:none}
.f>summary:hover,.f[open]>summary{background:var(--box)}
.f>summary::-webkit-details-marker{display:none}
.n{overflow:hidden;overflow-wrap:anywhere}
.n small{display:block;white-space:nowrap;overflow:hidden;text-overflow:ellipsis;font-size:12px}
.row>.v{justify-self:start;max-width:100%;overflow:hidden;text-overflow:ellipsis}
.c{text-align:right;font-variant-numeric:tabular-nums}
.c small{margin-left:4px}
.c svg{display:block;width:100%;height:4px;background:var(--line);border-radius:2px}
.c rect{fill:var(--fill)}
.body{padding:2px 10px 22px}
.detail{margin:8px 0;overflow-wrap:anywhere}
.body details{margin-top:12px}
.body details>summary{font-size:13px;font-weight:600;color:var(--dim)}
ul{list-style:none;margin:0;padding:0;max-height:260px;overflow:auto;font:13px/1.9 ui-monospace,monospace}
li{overflow-wrap:anywhere}
pre{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:var(--box);border:1px solid var(--line);
  border-radius:6px;margin:0;padding:6px 0;overflow:auto;tab-size:4}
.src{counter-reset:l;max-height:520px}
.src i,pre s,pre ins,pre del{display:block;font-style:normal;text-decoration:none;min-width:max-content;padding:0 10px}
.src i:before{counter-increment:l;content:counter(l);display:inline-block;width:3em;margin-right:1em;text-align:right;
  color:var(--dim)}
.x{background:var(--x);text-decoration:none}
.w{background:var(--w);text-decoration:none}
u{padding:1px 6px;border-radius:3px;margin-left:6px}
pre ins{background:var(--ins)}
pre del{background:var(--del)}
.ms{display:grid;gap:10px 16px;grid-template-columns:repeat(auto-fill,minmax(min(100%,400px),1fr));margin-top:8px}
.m{min-width:0}
.m p{margin:0 0 3px;font-size:13px;overflow-wrap:anywhere}
@media(max-width:860px){
.row{grid-template-columns:1fr auto 52px 52px}
.row>:nth-child(4),.row>:nth-child(5),.row>:nth-child(7){display:none}
.means td:nth-child(n+5),.means th:nth-child(n+5){display:none}
.ci{width:90px}
}
@media print{
.src,ul{max-height:none}
.tools{display:none}
}
"""
