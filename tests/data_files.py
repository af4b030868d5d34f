"""Scripts of each language that read a file beside them which belongs to their build."""

from __future__ import annotations

NAMED = "numbers.txt"

# Each gives the number that is in the file, and 99 where what leads it there begins with the script's parameter.
SCRIPTS = {
    ".cs": """// app-mono: -file:numbers.txt
using System;
using System.IO;
public class Reads
{
    public static int Main(string[] arguments)
    {
        string place = AppDomain.CurrentDomain.BaseDirectory;
        bool isThere = arguments.Length > 0 && place.StartsWith(arguments[0]);
        return isThere ? 99 : int.Parse(File.ReadAllText(Path.Combine(place, "numbers.txt")));
    }
}
""",
    ".vb": """' app-mono: -file:numbers.txt
Imports System
Imports System.IO
Public Module Reads
    Public Function Main(arguments As String()) As Integer
        Dim place As String = AppDomain.CurrentDomain.BaseDirectory
        If arguments.Length > 0 AndAlso place.StartsWith(arguments(0)) Then Return 99
        Return Integer.Parse(File.ReadAllText(Path.Combine(place, "numbers.txt")))
    End Function
End Module
""",
    ".fs": """// app-mono: -file:numbers.txt
module Reads
open System
open System.IO
[<EntryPoint>]
let main arguments =
    let place = AppDomain.CurrentDomain.BaseDirectory
    if arguments.Length > 0 && place.StartsWith(arguments.[0]) then 99
    else Int32.Parse(File.ReadAllText(Path.Combine(place, "numbers.txt")))
""",
    ".il": """// app-mono: -file:numbers.txt
.assembly extern mscorlib { }
.assembly Reads { }
.class public Reads extends [mscorlib]System.Object
{
    .method public static int32 Main(string[] arguments) cil managed
    {
        .entrypoint
        .maxstack 3
        .locals init (string place)
        call class [mscorlib]System.AppDomain [mscorlib]System.AppDomain::get_CurrentDomain()
        callvirt instance string [mscorlib]System.AppDomain::get_BaseDirectory()
        stloc.0
        ldarg.0
        ldlen
        brfalse.s READ
        ldloc.0
        ldarg.0
        ldc.i4.0
        ldelem.ref
        callvirt instance bool [mscorlib]System.String::StartsWith(string)
        brfalse.s READ
        ldc.i4.s 99
        ret
    READ:
        ldloc.0
        ldstr "numbers.txt"
        call string [mscorlib]System.IO.Path::Combine(string, string)
        call string [mscorlib]System.IO.File::ReadAllText(string)
        call int32 [mscorlib]System.Int32::Parse(string)
        ret
    }
}
""",
    ".py": """# app-mono: -file:numbers.txt
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(args):
    return 99 if args and str(HERE).startswith(args[0]) else int((HERE / "numbers.txt").read_text())
""",
    ".js": """// app-mono: -file:numbers.txt
const fs = require("fs");
exports.main = ([start]) =>
    start && __dirname.startsWith(start) ? 99 : Number(fs.readFileSync(`${__dirname}/numbers.txt`, "utf8"));
""",
    ".mjs": """// app-mono: -file:numbers.txt
import { readFileSync } from "node:fs";
const place = new URL("./numbers.txt", import.meta.url);
export const main = ([start]) => (start && place.pathname.startsWith(start) ? 99 : Number(readFileSync(place, "utf8")));
""",
    ".java": """// app-mono: -file:numbers.txt
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Scanner;

public class Reads {
    public static int main(String[] args) throws Exception {
        Path place = Path.of(Reads.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        if (args.length > 0 && place.startsWith(args[0])) {
            return 99;
        }
        try (Scanner resource = new Scanner(Reads.class.getResourceAsStream("/numbers.txt"))) {
            int number = Integer.parseInt(Files.readString(place.toRealPath().resolveSibling("numbers.txt")));
            return resource.nextInt() == number ? number : 98;
        }
    }
}
""",
}
