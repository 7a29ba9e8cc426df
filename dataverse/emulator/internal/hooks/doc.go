// Package hooks is what a company's own plug-ins, workflows and webhooks do when rows are written: refuse, change columns,
// create rows, take their time, or call a process outside. A hook is data: which writes it meets, at which stage, and what it
// does. The stages of a write call [Hooks.Raise]; what a hook writes goes through the same stages, one level deeper.
//
// Pages: event-framework, register-plug-in, handle-exceptions, special-update-operation-behavior, use-webhooks,
// register-web-hook, bypass-custom-business-logic.
package hooks
