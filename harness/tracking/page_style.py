"""The style sheet of a study's page, as text: there is no second file to lose. Contains no data."""

from __future__ import annotations

STYLE = """
:root{--bg:#fff;--fg:#1c2024;--dim:#5f6971;--line:#dfe3e7;--box:#f6f8fa;--fill:#0072b2;--ok:#1a7f4b;--no:#a15c00;--bad:#c02636;
  --knee:#fff3cd;font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg)}
@media screen and (prefers-color-scheme:dark){
:root{--bg:#14171a;--fg:#e4e8eb;--dim:#98a2ab;--line:#2e353b;--box:#1c2126;--fill:#56b4e9;--ok:#4cc38a;--no:#e2a336;--bad:#ff6d78;
  --knee:#3d3416}
figure img{filter:invert(.92) hue-rotate(180deg)}
}
*{box-sizing:border-box}
body{max-width:1240px;margin:0 auto;padding:24px 20px 80px}
h1{font-size:27px;line-height:1.2;margin:0;overflow-wrap:anywhere}
h2{font-size:20px;margin:40px 0 10px;border-bottom:1px solid var(--line);padding-bottom:4px}
h3{font-size:15px;margin:18px 0 6px}
.sub,.note,figcaption,small{color:var(--dim)}
.sub{margin:4px 0 18px}
.note,figcaption{font-size:13.5px;max-width:85ch}
.lead{font-size:16.5px;max-width:75ch}
nav{font-size:14px;display:flex;flex-wrap:wrap;gap:4px 16px;margin:14px 0}
a{color:var(--fill)}
.wide{overflow-x:auto;margin:8px 0}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:14px}
th{font-weight:500;font-size:12.5px;color:var(--dim);text-align:left;vertical-align:bottom}
th,td{padding:5px 16px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}
td:first-child,th:first-child{padding-left:6px}
.num{text-align:right;white-space:nowrap}
th.num{white-space:normal}
.num small{display:block;font-size:12px}
tr.knee td{background:var(--knee)}
tr.base td{color:var(--dim)}
.pairs td{font-size:13.5px;overflow-wrap:anywhere}
.pairs td:first-child{color:var(--dim);white-space:nowrap}
.why{min-width:220px;overflow-wrap:anywhere}
.tag{font-size:12px;border:1px solid;border-radius:10px;padding:0 8px;white-space:nowrap}
.ok{color:var(--ok)}
.no{color:var(--no)}
.bad{color:var(--bad)}
.cards{display:grid;gap:0 34px;grid-template-columns:repeat(auto-fit,minmax(min(100%,330px),1fr))}
figure{margin:16px 0 26px;overflow-x:auto}
figure img{max-width:100%;height:auto;display:block}
details{margin:8px 0;border:1px solid var(--line);border-radius:6px;padding:6px 12px}
summary{cursor:pointer;overflow-wrap:anywhere}
pre{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:var(--box);border:1px solid var(--line);
  border-radius:6px;margin:4px 0;padding:8px 10px;overflow:auto;max-height:420px;tab-size:4}
.two{display:grid;gap:6px 20px;grid-template-columns:repeat(auto-fit,minmax(min(100%,380px),1fr))}
.two>div{min-width:0}
li{max-width:85ch;margin:4px 0}
@media(max-width:640px){
figure img{max-width:none;width:760px}
body{padding:14px 12px 60px}
.pairs td:first-child{white-space:normal}
}
@media print{
body{max-width:none;padding:0;font-size:11pt}
nav{display:none}
h2{break-after:avoid}
figure,tr,.card{break-inside:avoid}
details::details-content{content-visibility:visible;display:block;height:auto}
pre{max-height:none;white-space:pre-wrap}
.wide{overflow:visible}
}
"""
