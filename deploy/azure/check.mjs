// Checks what can be checked of the templates without Azure, and says of each mistake where it is:
// the syntax (the Bicep grammar of tree-sitter), that every name used is declared and every parameter is given, and the
// jobs property by property against the types of Azure Container Apps' own client (TypeScript).
//
//   node deploy/azure/check.mjs [FOLDER…]
//
// Of several folders each mistake begins with its folder.
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRequire } from 'node:module'

const here = path.dirname(fileURLToPath(import.meta.url))
const folders = process.argv.length > 2 ? process.argv.slice(2) : [here]
const tools = path.join(here, '..', '..', 'tools')
const require = createRequire(path.join(tools, 'package.json'))
const ts = require('typescript')
const { Parser, Language } = require('web-tree-sitter')

await Parser.init()
const parser = new Parser()
parser.setLanguage(await Language.load(path.join(tools, 'node_modules/tree-sitter-bicep/tree-sitter-bicep.wasm')))

const parsed = new Map() // the files of the types, which are the same for every folder

// check tells what is wrong with the templates in a folder, and how much it looked at.
function check(folder) {
  const mistakes = []
  const mistake = (file, node, text) => mistakes.push(`${file}:${node.startPosition.row + 1}:${node.startPosition.column + 1}: ${text}`)

  function read(file, prepare = text => text) {
    const tree = parser.parse(prepare(fs.readFileSync(path.join(folder, file), 'utf8')))
    walk(tree.rootNode, node => {
      if (node.isError || node.isMissing) mistake(file, node, `syntax: ${node.text.slice(0, 40) || node.type}`)
    })
    return tree.rootNode
  }

  function walk(node, visit) {
    visit(node)
    for (const child of node.children) walk(child, visit)
  }

  const child = (node, type) => node.namedChildren.find(c => c.type === type)
  const bare = node => node.text.replace(/^'|'$/g, '')

  // ── Names ────────────────────────────────────────────────────────────────────────────────────────────────────────

  const declarations = ['parameter_declaration', 'variable_declaration', 'resource_declaration', 'module_declaration', 'output_declaration']
  const functions = new Set(['any', 'array', 'concat', 'contains', 'empty', 'guid', 'json', 'length', 'replace', 'resourceGroup', 'subscription',
    'subscriptionResourceId', 'take', 'toLower', 'uniqueString', 'loadTextContent'])

  const template = read('main.bicep')
  const declared = new Map()
  for (const d of template.namedChildren.filter(n => declarations.includes(n.type))) {
    if (d.type !== 'output_declaration') declared.set(child(d, 'identifier').text, d)
  }
  const used = new Set()
  walk(template, node => {
    if (node.type !== 'identifier') return
    const parent = node.parent
    if (declarations.includes(parent.type) && parent.namedChildren[0].equals(node)) return // what is declared here
    if (parent.type === 'object_property' && parent.namedChildren[0].equals(node)) return // a key
    if (['decorator', 'type', 'target_scope_assignment'].includes(parent.type)) return
    if (parent.type === 'call_expression' && parent.namedChildren[0].equals(node)) {
      for (let up = parent; up; up = up.parent) if (up.type.startsWith('decorator')) return
      if (!functions.has(node.text)) mistake('main.bicep', node, `there is no function ${node.text}`)
      return
    }
    for (let up = parent; up; up = up.parent) {
      if (up.type !== 'for_statement') continue
      const loop = []
      walk(up.namedChildren[0], n => { if (!n.namedChildCount) loop.push(n.text) })
      if (loop.includes(node.text)) return
    }
    if (node.text === 'targetScope' || functions.has(node.text)) return
    if (!declared.has(node.text)) mistake('main.bicep', node, `${node.text} is declared nowhere`)
    used.add(node.text)
  })
  for (const [name, node] of declared) {
    if (['parameter_declaration', 'variable_declaration'].includes(node.type) && !used.has(name)) mistake('main.bicep', node, `${name} is used nowhere`)
  }

  // ── Parameters ───────────────────────────────────────────────────────────────────────────────────────────────────

  // The grammar knows templates only: a parameter file's lines become variables, which look the same.
  const given = new Map()
  for (const d of read('main.bicepparam', text => text.replace(/^using .*$/m, '').replace(/^param /gm, 'var ')).namedChildren) {
    if (d.type === 'variable_declaration') given.set(child(d, 'identifier').text, d)
  }
  for (const [name, node] of given) {
    if (declared.get(name)?.type !== 'parameter_declaration') mistake('main.bicepparam', node, `the template has no parameter ${name}`)
  }
  for (const [name, node] of declared) {
    const optional = node.children.some(c => c.type === '=')
    if (node.type === 'parameter_declaration' && !optional && !given.has(name)) mistake('main.bicepparam', node, `the parameter ${name} is not given`)
  }

  // ── Jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  // A Bicep value as a TypeScript one: what is computed at deployment can be anything.
  function typed(node) {
    switch (node.type) {
      case 'object':
        return `{ ${node.namedChildren.filter(c => c.type === 'object_property')
          .filter(c => bare(c.namedChildren[0]) !== 'dependsOn')
          .map(c => `${JSON.stringify(bare(c.namedChildren[0]))}: ${typed(c.namedChildren.at(-1))}`).join(', ')} }`
      case 'array':
        return `[${node.namedChildren.filter(c => c.type !== 'comment').map(typed).join(', ')}]`
      case 'string':
        return child(node, 'interpolation') ? '(null as unknown as string)' : JSON.stringify(bare(node))
      case 'number':
      case 'boolean':
        return node.text
      case 'identifier': {
        const d = declared.get(node.text)
        return d?.type === 'variable_declaration' ? typed(d.namedChildren.at(-1)) : '(null as any)'
      }
      case 'for_statement':
        return `[${typed(node.namedChildren.at(-1))}]`
      default:
        return '(null as any)'
    }
  }

  let jobs = 0
  let source = `import type { Job } from '@azure/arm-appcontainers'\n`
  const at = []
  for (const [name, node] of declared) {
    if (node.type !== 'resource_declaration' || !bare(child(node, 'string')).startsWith('Microsoft.App/jobs@')) continue
    const body = child(node, 'object') ?? child(child(node, 'if_statement'), 'object')
    const parts = body.namedChildren.filter(c => c.type === 'object_property')
    const properties = parts.find(c => bare(c.namedChildren[0]) === 'properties').namedChildren.at(-1)
    // The client has what the template keeps under properties one level up, and the name beside the resource.
    const rest = parts.filter(c => !['properties', 'name', 'dependsOn'].includes(bare(c.namedChildren[0])))
      .map(c => `${JSON.stringify(bare(c.namedChildren[0]))}: ${typed(c.namedChildren.at(-1))}`)
    source += `export const job${jobs}: Job = { ${rest.join(', ')}, ...(${typed(properties)} satisfies Omit<Job, 'location'>) }\n`
    at.push(name)
    jobs++
  }
  if (jobs === 0) mistakes.push('main.bicep: there is no job')

  const file = path.join(tools, 'jobs.ts') // beside node_modules, where imports are found; it is never written
  const options = { strict: true, noEmit: true, skipLibCheck: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, types: [] }
  const host = ts.createCompilerHost(options)
  const original = { read: host.readFile, get: host.getSourceFile, exists: host.fileExists }
  host.fileExists = f => f === file || original.exists(f)
  host.readFile = f => f === file ? source : original.read(f)
  host.getSourceFile = (f, v) => f === file ? ts.createSourceFile(f, source, v) : parsed.get(f) ?? parsed.set(f, original.get(f, v)).get(f)
  for (const d of ts.getPreEmitDiagnostics(ts.createProgram([file], options, host))) {
    const line = d.file === undefined ? 0 : d.file.getLineAndCharacterOfPosition(d.start).line
    mistakes.push(`main.bicep: ${at[line - 1] ?? 'jobs'}: ${ts.flattenDiagnosticMessageText(d.messageText, ' ')}`)
  }

  return { mistakes, looked: `${template.namedChildren.length} declarations, ${given.size} parameters given, ${jobs} jobs` }
}

for (const folder of folders) {
  const { mistakes, looked } = check(path.resolve(folder))
  for (const m of mistakes) console.error(folders.length > 1 ? `${folder}: ${m}` : m)
  if (mistakes.length) process.exitCode = 1
  else console.log(`${looked}: no mistake found`)
}
