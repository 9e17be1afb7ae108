# Why a row falls short, where a profile (perf, strace) has told: the text that follows the shortfall in the report.
# By row, or by row and metric.
$script:limits = @{
    'send-packets'             = 'Of the time of the pipeline''s thread the kernel has two fifths; nearly all the rest goes into PowerShell, and the runtime under it, to bind each object to -Packet, and 3 % into the cmdlet and the core.'
    'send-repeat'              = 'The kernel has 94 % of the time of the pipeline''s thread, the cmdlet and the core below it less than 4 %: what differs is how often the receiver, which sleeps, has to be woken (30 %).'
    'receive-arrays'           = 'Reading packets out of frames that another core has just written has a quarter of the time of the pipeline''s thread, sleeping by the clock a fifth, making and clearing the objects (154 bytes a packet) and PowerShell''s binding most of the rest; the core looks at no byte and makes none.'
    'receive-arrays-veth'      = 'As with live frames.'
    'receive-single Rate'      = 'PowerShell, and the runtime under it, have three quarters of the time of the pipeline''s thread, which is a microsecond or more an object, and three to four while .NET has not yet compiled PowerShell''s code for speed.'
    'receive-single Allocated' = 'PowerShell itself allocates some 616 bytes to hand an object from one command to the next; the packet and its bytes are 136.'
    'receive-500k'             = 'Nearly all are lost while .NET compiles PowerShell''s code for speed: until then an object takes longer than the 2 us there are, and the compiler has its turns on the same two cores, while RX holds 4 ms of such a stream.'
    'open FirstOpen'           = 'Ten milliseconds and more of it are PowerShell''s: at a command''s first use it reads its parameters and their attributes by reflection.'
}

function Get-Limit {
    param($Outcome)
    $text = $script:limits["$($Outcome.Row) $($Outcome.Check.Metric)"] ?? $script:limits[$Outcome.Row]
    $text ? " $text" : ''
}
