using 'main.bicep'

param dataverseUrl = 'https://org.crm4.dynamics.com'
param registry = 'myregistry'
param image = 'myregistry.azurecr.io/gallra@sha256:0000000000000000000000000000000000000000000000000000000000000000'

// The policy first, then the FetchXML files that it names.
param policyFiles = {
  files: [
    { name: 'sales.yaml', text: loadTextContent('sales.yaml') }
  ]
}

param alertMail = ['data-protection@example.com']

// Read the plan of a night or two in the job's log before this becomes true.
param apply = false
