namespace XdpPS;

/// <summary>The style sheet of a report.</summary>
internal static class ReportStyle
{
    /// <summary>Without the characters that XML escapes. Every colour has a contrast of 4.5 to its ground, lines of 3.</summary>
    internal const string Sheet = """

        :root { color-scheme: light dark; --ground: #fff; --text: #1b1f24; --soft: #57606a; --rule: #d0d7de; --head: #f6f8fa;
          --s0: #0072b2; --s1: #c44e00; --s2: #00785a; --s3: #9b3c78; --s4: #8a6d00; --s5: #4b5563;
          --pass: #00694a; --warn: #8a5300; --fail: #b3261e; --unknown: #57606a; }
        @media (prefers-color-scheme: dark) { :root { --ground: #14171b; --text: #e6e8eb; --soft: #a8b0b9; --rule: #3a424b; --head: #1e2329;
          --s0: #62b6ee; --s1: #ff9c5b; --s2: #45d3a2; --s3: #f0a3d2; --s4: #f2cc4d; --s5: #b6bec8;
          --pass: #4fd1a1; --warn: #f0b255; --fail: #ff8a80; --unknown: #a8b0b9; } }
        @media print { :root { color-scheme: light; --ground: #fff; --text: #000; --soft: #444; --rule: #bbb; --head: #f2f2f2;
          --s0: #0072b2; --s1: #c44e00; --s2: #00785a; --s3: #9b3c78; --s4: #8a6d00; --s5: #4b5563;
          --pass: #00694a; --warn: #8a5300; --fail: #b3261e; --unknown: #444; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
        main { max-width: 70rem; margin: 0 auto; padding: 1rem; }
        h1 { font-size: 1.7rem; margin: 0.5rem 0; overflow-wrap: anywhere; }
        h2 { font-size: 1.3rem; margin: 2.5rem 0 0.5rem; border-bottom: 1px solid var(--rule); }
        h3 { font-size: 1.05rem; margin: 1.5rem 0 0.25rem; overflow-wrap: anywhere; }
        p, li { max-width: 50rem; overflow-wrap: anywhere; }
        a { color: var(--s0); }
        nav ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; padding: 0; list-style: none; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.15rem 1rem; margin: 1rem 0; }
        dt { color: var(--soft); }
        dd { margin: 0; overflow-wrap: anywhere; }
        figure { margin: 1rem 0; overflow-x: auto; }
        svg { display: block; width: 100%; min-width: 34rem; max-width: 52rem; height: auto; font-size: 13px; }
        text { fill: var(--text); }
        .tick { fill: var(--soft); font-size: 12px; }
        .grid { stroke: var(--rule); stroke-width: 1; }
        .axis { stroke: var(--soft); stroke-width: 1.5; fill: none; }
        .line { stroke: currentColor; stroke-width: 2; fill: none; }
        .reference .line { stroke-width: 1.25; }
        .marker { fill: currentColor; stroke: currentColor; stroke-width: 1.5; }
        .s0 { color: var(--s0); } .s1 { color: var(--s1); } .s2 { color: var(--s2); }
        .s3 { color: var(--s3); } .s4 { color: var(--s4); } .s5 { color: var(--s5); } .reference { color: var(--soft); }
        .wide { overflow-x: auto; margin: 0.75rem 0 1.25rem; }
        table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
        caption { text-align: left; color: var(--soft); padding-bottom: 0.35rem; }
        th, td { padding: 0.25rem 0.6rem; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: top; }
        th { background: var(--head); font-weight: 600; }
        .number { text-align: right; }
        .sentence { min-width: 14rem; overflow-wrap: anywhere; }
        td.number { white-space: nowrap; }
        .verdict { font-weight: 700; white-space: nowrap; }
        .pass { color: var(--pass); } .warn { color: var(--warn); } .fail { color: var(--fail); } .unknown { color: var(--unknown); }
        summary { cursor: pointer; color: var(--soft); }
        footer { margin-top: 3rem; color: var(--soft); font-size: 0.875rem; }
        @media print {
          @page { margin: 15mm; }
          body { font-size: 10pt; }
          main { max-width: none; padding: 0; }
          nav, details { display: none; }
          h2, h3 { break-after: avoid; }
          section { break-before: page; }
          section.first { break-before: auto; }
          figure, tr { break-inside: avoid; }
          thead { display: table-header-group; }
          table { font-size: 7.5pt; }
          th, td { padding: 0.15rem 0.3rem; }
          .wide, figure { overflow: visible; }
          .sentence { min-width: 0; }
          svg { min-width: 0; max-width: 15cm; }
        }

        """;
}
