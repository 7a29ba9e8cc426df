// Package wire is the Web API's form: a request's path, keys, options and parameters ([Call]), the answer to it ([Answer]),
// and the service's errors ([Error]). [ReadKey] is the one place that reads a key in a path, for every verb.
//
// It knows tables and rows, and nothing of what a request does to them.
package wire
