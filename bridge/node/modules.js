// One build of a script: its modules, loaded from the runner's copies.
//
// Files at or below the script's directory belong to the build, each by its name relative to that directory ("lib/x.js").
// They are CommonJS, or ES modules: .mjs, and .js that has their syntax. Everything else that a script requires is
// Node's own matter, found from the place of the file that requires it.
"use strict";

const { spawnSync } = require("child_process");
const { createHash } = require("crypto");
const fs = require("fs");
const { createRequire, isBuiltin } = require("module");
const path = require("path");
const { pathToFileURL } = require("url");
const vm = require("vm");
const json = require("./json.js");
const { Mirror } = require("./mirror.js");
const { messageOf } = require("./thrown.js");

const PARAMETERS = ["exports", "require", "module", "__filename", "__dirname"];
const REQUIRED = /\b(?:require|import)\s*\(\s*(["'])(\.{1,2}(?:\/[^"'\n]*)?)\1\s*\)/g;
const IMPORTED = /\b(?:from|import)\s*(["'])(\.{1,2}\/[^"'\n]*)\1/g;
const ES_SYNTAX = /^(?:Cannot use import statement|Cannot use 'import\.meta'|Unexpected token 'export')/;
const ENDINGS = ["", ".js", ".json", "/index.js", "/index.json"]; // what require() tries, in this order
const IS_HASH = /^[0-9a-f]{64}$/;
const IS_WHOLE = /\.(?:js|mjs|cjs|json)$/; // nobody names a folder like this

/** A build that cannot be loaded: the message says where and why. */
class InvalidScript extends Error {}

class Build {
    #copies;
    #sr;
    #find;
    #files;
    #units = new Map(); // what each file is compiled to, by its name
    #names = new Map(); // of ES modules
    #main;
    #data;
    #mirror = null; // where data files belong to it

    /** Names of files that were looked for and are not known yet. */
    missing = new Set();

    /** What the script exports. */
    exports = null;

    /**
     * @param path where the script really is
     * @param hash of its copy
     * @param helpers {NAME: {path, file: HASH} or null}
     * @param files {NAME: HASH} of its data files; none where there is no such member
     * @param copies the directory of the copies
     * @param builds a private directory
     * @param sr the module SR
     * @param find asks the runner for a file, by its name, while an exec runs: its hash, or null
     */
    constructor({ path: real, file, helpers, files = {} }, copies, builds, sr, find) {
        this.path = real;
        this.#main = path.basename(real);
        this.#copies = copies;
        this.#data = { builds, files };
        this.#sr = sr;
        this.#find = find;
        this.#files = new Map(Object.entries(helpers));
        this.#files.set(this.#main, { path: real, file });
    }

    /** Loads it; when files are missing nothing was loaded, and `missing` has their names. */
    async load() {
        this.#look(this.#main, new Set());
        if (this.missing.size === 0) {
            this.#arrange();
            try {
                await this.run();
            } catch (error) {
                if (this.missing.size === 0) {
                    throw new InvalidScript(`${placeOf(error?.stack, this.path)}: ${described(error)}`, { cause: error });
                }
            }
        }
    }

    /** It will not run again. */
    forget() {
        this.#mirror?.remove();
    }

    /** Puts its data files where it finds them. */
    #arrange() {
        const { builds, files } = this.#data;
        const links = Object.entries(files).map(([name, hash]) => [name, this.#copyOf(hash, this.path)]);
        if (links.length > 0) {
            const known = [...this.#files].filter(([, file]) => file !== null);
            const sources = known.map(([name, { path: real, file }]) => [name, this.#read(file, real)]);
            this.#mirror = new Mirror(builds, path.dirname(this.path));
            try {
                this.#mirror.make(sources, links);
            } catch (error) {
                throw new InvalidScript(`${this.path}: its files cannot be linked: ${error.message}`, { cause: error });
            }
        }
    }

    /** Where a file of this build says that it lies. */
    #place(name) {
        return path.join(this.#mirror?.directory ?? path.dirname(this.path), name);
    }

    /** Runs the top level of the script's own file, again where it ran before. A promise for an ES module. */
    run() {
        const unit = this.#unit(this.#main);
        if (unit.kind !== "module") {
            delete unit.module;
            this.exports = this.#require(this.#main);
            return undefined;
        }
        this.#units.delete(this.#main);
        return this.#evaluated(this.#main).then((module) => {
            this.exports = module.namespace;
        });
    }

    /** Compiles a file and those that it names, as far as they are known. Notes those that are not. */
    #look(name, seen) {
        seen.add(name);
        const unit = this.#unit(name);
        const wanted = [];
        for (const [, , specifier] of (unit.source ?? "").matchAll(REQUIRED)) {
            wanted.push(this.#candidates(specifier, name, ENDINGS));
        }
        for (const [, , specifier] of (unit.source ?? "").matchAll(IMPORTED)) {
            wanted.push(this.#candidates(specifier, name, [""]));
        }
        for (const names of wanted.filter((each) => each !== null)) {
            const found = names.find((each) => this.#files.get(each));
            if (found === undefined) {
                names.filter((each) => !this.#files.has(each)).forEach((each) => this.missing.add(each));
            } else if (!seen.has(found)) {
                this.#look(found, seen);
            }
        }
    }

    /** The names that a specifier may mean; null when it is no file of this build. */
    #candidates(specifier, from, endings) {
        const isRelative = /^\.{1,2}(\/|$)/.test(specifier);
        if (!isRelative && !specifier.startsWith("/")) {
            return null;
        }
        const isInMirror = this.#mirror !== null && specifier.startsWith(`${this.#mirror.directory}/`);
        const base = isRelative
            ? path.posix.join(path.posix.dirname(from), specifier)
            : path.posix.relative(isInMirror ? this.#mirror.directory : path.dirname(this.path), specifier);
        if (base === ".." || base.startsWith("../")) {
            return null;
        }
        if (json.quoted(base) === null) {
            return []; // no file has such a name
        }
        if (IS_WHOLE.test(base)) {
            return [base];
        }
        const isFolder = base === "." || base.endsWith("/") || /(^|\/)\.{1,2}$/.test(specifier);
        const folder = base === "." ? "" : base.replace(/\/?$/, "/");
        return endings
            .filter((ending) => !isFolder || ending.startsWith("/"))
            .map((ending) => (isFolder ? folder + ending.slice(1) : base + ending));
    }

    /** The file that a specifier means; null when it is none of this build. Throws when there is none. */
    #resolved(specifier, from, endings) {
        const names = this.#candidates(specifier, from, endings);
        if (names === null) {
            return null;
        }
        for (const name of names) {
            if (!this.#files.has(name)) {
                const hash = this.exports === null ? null : this.#find(name);
                if (this.exports === null) {
                    this.missing.add(name);
                } else {
                    const real = path.join(path.dirname(this.path), name);
                    this.#files.set(name, hash && { path: real, file: hash });
                    if (hash) {
                        this.#mirror?.add(name, this.#read(hash, real));
                    }
                }
            }
            if (this.#files.get(name)) {
                return name;
            }
        }
        const error = new Error(`Cannot find module '${specifier}'\nRequire stack:\n- ${this.#files.get(from).path}`);
        error.code = "MODULE_NOT_FOUND";
        throw error;
    }

    /** A file, compiled. */
    #unit(name) {
        let unit = this.#units.get(name);
        if (unit === undefined) {
            unit = this.#compiled(name);
            this.#units.set(name, unit);
        }
        return unit;
    }

    #compiled(name) {
        const { path: real, file } = this.#files.get(name);
        const source = this.#read(file, real).toString().replace(/^\ufeff/, "");
        try {
            if (name.endsWith(".json")) {
                return { kind: "json", value: JSON.parse(source) };
            }
            if (!name.endsWith(".mjs")) {
                try {
                    return { kind: "script", source, run: this.#function(name, real, source) };
                } catch (error) {
                    if (name.endsWith(".cjs") || !ES_SYNTAX.test(error.message)) {
                        throw error;
                    }
                }
            }
            return { kind: "module", source, module: this.#module(name, real, source) };
        } catch (error) {
            const place = error.stack.startsWith(`${real}:`) ? error.stack : checked(source).replace("[stdin]", real);
            throw new InvalidScript(`${placeOf(place, real)}: ${described(error)}`, { cause: error });
        }
    }

    #function(name, real, source) {
        return vm.compileFunction(source.replace(/^#!/, "//"), PARAMETERS, {
            filename: real,
            importModuleDynamically: (specifier) => this.#imported(specifier, name),
        });
    }

    #module(name, real, source) {
        const place = this.#place(name);
        const module = new vm.SourceTextModule(source, {
            identifier: real,
            initializeImportMeta: (meta) => {
                Object.assign(meta, { url: pathToFileURL(place).href, filename: place, dirname: path.dirname(place) });
            },
            importModuleDynamically: (specifier) => this.#imported(specifier, name),
        });
        this.#names.set(module, name);
        return module;
    }

    /** The content of a copy. */
    #read(hash, real) {
        let bytes;
        try {
            bytes = fs.readFileSync(this.#copyOf(hash, real));
        } catch (error) {
            throw new InvalidScript(`${real}: the runner's copy cannot be read: ${error.message}`, { cause: error });
        }
        const found = createHash("sha256").update(bytes).digest("hex");
        if (found !== hash) {
            throw new InvalidScript(`${real}: expected a copy with the hash ${hash}, it has ${found}`);
        }
        return bytes;
    }

    #copyOf(hash, real) {
        if (!IS_HASH.test(hash)) {
            throw new InvalidScript(`${real}: expected the SHA-256 of a copy, not ${hash}`);
        }
        return path.join(this.#copies, hash);
    }

    /** What a file of this build exports to require(). Runs it the first time. */
    #require(name) {
        const unit = this.#unit(name);
        if (unit.kind === "json") {
            return unit.value;
        }
        const real = this.#files.get(name).path;
        if (unit.kind === "module") {
            const error = new Error(`require() of ES module ${real}: use import, or import() in an async function`);
            error.code = "ERR_REQUIRE_ESM";
            throw error;
        }
        if (unit.module === undefined) {
            const outside = createRequire(real);
            const require = (specifier) => this.#required(specifier, name, outside);
            Object.assign(require, { resolve: outside.resolve, main: undefined, cache: {}, extensions: {} });
            const place = this.#place(name);
            const module = { id: place, filename: place, path: path.dirname(place), exports: {}, loaded: false, require };
            unit.module = module;
            try {
                unit.run.call(module.exports, module.exports, require, module, place, module.path);
                module.loaded = true;
            } finally {
                if (!module.loaded) {
                    delete unit.module;
                }
            }
        }
        return unit.module.exports;
    }

    #required(specifier, from, outside) {
        if (specifier === "SR") {
            return this.#sr;
        }
        const name = this.#resolved(specifier, from, ENDINGS);
        return name === null ? outside(specifier) : this.#require(name);
    }

    /** The module that import() gives. */
    async #imported(specifier, from) {
        const module = await this.#linked(specifier, from);
        return this.#ready(module);
    }

    /** The ES module that a specifier means, linked or not. */
    async #linked(specifier, from) {
        if (specifier === "SR") {
            return synthetic(this.#sr, this.#sr);
        }
        const name = this.#resolved(specifier, from, [""]);
        if (name === null) {
            const found = await outer(specifier, this.#files.get(from).path);
            return synthetic(found, found.default);
        }
        const unit = this.#unit(name);
        if (unit.kind === "module") {
            return unit.module;
        }
        const exported = this.#require(name);
        return synthetic(exported, exported);
    }

    #evaluated(name) {
        return this.#ready(this.#unit(name).module);
    }

    async #ready(module) {
        if (module.status === "unlinked") {
            await module.link((specifier, from) => this.#linked(specifier, this.#names.get(from)));
        }
        await module.evaluate();
        return module;
    }
}

/** What Node itself finds from the place of a file. */
function outer(specifier, real) {
    const importModuleDynamically = vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER;
    if (importModuleDynamically !== undefined) {
        return vm.compileFunction("return import(specifier)", ["specifier"], { filename: real, importModuleDynamically })(
            specifier,
        );
    }
    // Node 18 has no such loader: what a package exports to require() is found.
    return import(isBuiltin(specifier) ? specifier : pathToFileURL(createRequire(real).resolve(specifier)).href);
}

/** A module that exports what an object has, and this as its default. */
function synthetic(of, itself) {
    const names = Object.keys(Object(of)).filter((name) => name !== "default");
    return new vm.SyntheticModule([...names, "default"], function () {
        names.forEach((name) => this.setExport(name, of[name]));
        this.setExport("default", itself);
    });
}

function described(error) {
    const [first] = messageOf(error).split("\n"); // Node lists behind it who required what
    return error instanceof Error ? `${error.name}: ${first}` : first;
}

/** Where an error is, by its stack: path:line, with the column of a syntax error; the file alone where nobody knows. */
function placeOf(stack, real) {
    const [first, , caret] = String(stack ?? "").split("\n");
    if (first.startsWith(`${real}:`)) {
        return `${first}:${caret.indexOf("^") + 1 || 1}`;
    }
    const at = String(stack ?? "").indexOf(`${real}:`);
    return at < 0 ? real : `${real}:${parseInt(stack.slice(at + real.length + 1), 10)}`;
}

/** What Node says of the syntax of an ES module: V8 tells a caller no line. */
function checked(source) {
    return spawnSync(process.execPath, ["--input-type=module", "--check"], { input: source, encoding: "utf8" }).stderr;
}

module.exports = { Build, InvalidScript };
